// The least that an admission webhook in Go can be: typed decoding, operations written by hand, net/http with TLS. It checks nothing, has
// no policy and no second pass. Prints its port when it listens.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"

	admission "k8s.io/api/admission/v1"
	core "k8s.io/api/core/v1"
)

const prefix = "models.example.io/"

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func main() {
	directory := flag.String("tls-dir", ".", "directory with tls.crt and tls.key")
	flag.Parse()
	certificate, err := tls.LoadX509KeyPair(filepath.Join(*directory, "tls.crt"), filepath.Join(*directory, "tls.key"))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"msg\":\"listening\",\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	http.HandleFunc("/mutate", answer)
	settings := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}
	log.Fatal(http.Serve(tls.NewListener(listener, settings), nil))
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var review admission.AdmissionReview
	var pod core.Pod
	if err := json.Unmarshal(body, &review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := &admission.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if source := pod.Annotations[prefix+"source"]; source != "" && pod.Annotations[prefix+"status"] == "" {
		patch, err := json.Marshal(operations(&pod, source))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		kind := admission.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &kind
		response.AuditAnnotations = map[string]string{"decision": "injected", "sources": source}
	}
	text, err := json.Marshal(admission.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("content-type", "application/json")
	_, _ = w.Write(text)
	log.Printf("uid=%s namespace=%s outcome=injected", review.Request.UID, review.Request.Namespace)
}

func operations(pod *core.Pod, source string) []operation {
	no, yes := false, true
	path := pod.Annotations[prefix+"mount-path"]
	loader := core.Container{
		Name:  "model-loader",
		Image: "registry.example.com/model-injector:1",
		Args:  []string{"load"},
		Env: []core.EnvVar{
			{Name: "MODEL_NAME", Value: "model"},
			{Name: "MODEL_SOURCE", Value: source},
			{Name: "MODEL_ROOT", Value: "/model"},
			{Name: "MODEL_EXPECT", Value: pod.Annotations[prefix+"expect"]},
			{Name: "MODEL_SIZE_BYTES", Value: pod.Annotations[prefix+"size"]},
			{Name: "MODEL_TIMEOUT_SECONDS", Value: "7200"},
			{Name: "MODEL_STALL_TIMEOUT_SECONDS", Value: "120"},
		},
		SecurityContext: &core.SecurityContext{
			AllowPrivilegeEscalation: &no,
			ReadOnlyRootFilesystem:   &yes,
			RunAsNonRoot:             &yes,
			Capabilities:             &core.Capabilities{Drop: []core.Capability{"ALL"}},
		},
		VolumeMounts: []core.VolumeMount{{Name: "model-data", MountPath: "/model"}},
	}
	status := map[string]string{"source": source, "mountPath": path}
	text, _ := json.Marshal(status)
	list := []operation{
		{"add", "/metadata/annotations/models.example.io~1status", string(text)},
		{"add", "/metadata/labels/models.example.io~1injected", "true"},
		{"add", "/spec/volumes/-", core.Volume{Name: "model-data", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}}},
		{"replace", "/spec/serviceAccountName", pod.Annotations[prefix+"service-account"]},
	}
	if len(pod.Spec.InitContainers) == 0 {
		list = append(list, operation{"add", "/spec/initContainers", []core.Container{loader}})
	} else {
		list = append(list, operation{"add", "/spec/initContainers/0", loader})
	}
	for i, container := range pod.Spec.Containers {
		at := fmt.Sprintf("/spec/containers/%d/", i)
		list = append(list, operation{"add", at + "volumeMounts/-", core.VolumeMount{Name: "model-data", MountPath: path, ReadOnly: true}})
		variable := core.EnvVar{Name: "MODEL_PATH", Value: path}
		if len(container.Env) == 0 {
			list = append(list, operation{"add", at + "env", []core.EnvVar{variable}})
		} else {
			list = append(list, operation{"add", at + "env/-", variable})
		}
	}
	return list
}
