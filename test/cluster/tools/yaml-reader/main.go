// Reads files as kubectl does (StreamVisitor of k8s.io/cli-runtime), with the decoder of Kubernetes: a document is skipped where it is
// empty, and the first that is refused ends its file. Takes names of files, a line each, and prints a line for every document.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type document struct {
	File    string          `json:"file"`
	Value   json.RawMessage `json:"value,omitempty"`
	Problem string          `json:"problem,omitempty"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		if err := readFile(names.Text(), encoder); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(names.Err(), out.Flush()); err != nil {
		log.Fatal(err)
	}
}

func readFile(name string, encoder *json.Encoder) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		read := runtime.RawExtension{}
		if err := decoder.Decode(&read); err == io.EOF {
			return nil
		} else if err != nil {
			return encoder.Encode(document{File: name, Problem: err.Error()})
		}
		value := bytes.TrimSpace(read.Raw)
		if len(value) == 0 || bytes.Equal(value, []byte("null")) {
			continue
		}
		if err := encoder.Encode(document{File: name, Value: value}); err != nil {
			return err
		}
	}
}
