// The sidecar injector of Istio, made from its public package: istiod, which has it, is several times as large. Templates and
// values are those of Istio's own chart.
package main

import (
	"flag"
	"log"
	"net/http"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/kube/inject"
	"istio.io/istio/pkg/kube/multicluster"
)

func main() {
	config := flag.String("config", "", "file with the key config of the ConfigMap istio-sidecar-injector")
	values := flag.String("values", "", "file with its key values")
	listen := flag.String("listen", "", "address")
	certificate := flag.String("tls-cert", "", "file with the certificate")
	key := flag.String("tls-key", "", "file with its key")
	flag.Parse()
	watcher, err := inject.NewFileWatcher(*config, *values)
	if err != nil {
		log.Fatal(err)
	}
	environment := model.NewEnvironment()
	environment.Watcher = meshwatcher.NewTestWatcher(mesh.DefaultMeshConfig())
	mux := http.NewServeMux()
	parameters := inject.WebhookParameters{
		Watcher: watcher,
		Env:     environment,
		Mux:     mux,
		// Of no clusters: the variable ENABLE_NATIVE_SIDECARS says what it would ask their nodes.
		MultiCluster: multicluster.NewFakeController(),
	}
	if _, err := inject.NewWebhook(parameters); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServeTLS(*listen, *certificate, *key, mux))
}
