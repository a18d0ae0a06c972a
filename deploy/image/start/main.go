// The start of the image: it replaces itself by Node with the product. A command that runs in pods gets only the variables that it
// reads. Node cannot drop the others itself: before its first line of JavaScript it has obeyed NODE_OPTIONS, OPENSSL_CONF and
// NODE_EXTRA_CA_CERTS, and before its first instruction the dynamic linker has obeyed LD_PRELOAD. This program is linked statically.
package main

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

const node = "/usr/local/bin/node"

// Without --disable-sigusr1, SIGUSR1 opens the inspector, which runs any code. Without --openssl-config, Node takes providers, which are
// native code, from /etc/ssl/openssl.cnf: a place where others mount certificates.
var nodeCommand = []string{node, "--disable-sigusr1", "--openssl-config=/dev/null", "/app/dist/main.js"}

// Exit code of the product for a bug.
const bug = 70

// Set by the linker: "load:NAME,NAME;serve:NAME".
var keptVariables string

func main() {
	if keptVariables == "" {
		fail("was built without the names of variables: build it by deploy/image/assemble.ts")
	}
	arguments := os.Args[min(1, len(os.Args)):]
	err := syscall.Exec(node, append(nodeCommand, arguments...), environmentFor(arguments))
	fail("cannot start " + node + ": " + err.Error())
}

// Commands that people run keep the environment as it is.
func environmentFor(arguments []string) []string {
	if len(arguments) > 0 {
		for _, row := range strings.Split(keptVariables, ";") {
			command, names, _ := strings.Cut(row, ":")
			if command == arguments[0] {
				return only(strings.Split(names, ","))
			}
		}
	}
	return os.Environ()
}

func only(names []string) []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains(names, name)
	})
}

func fail(problem string) {
	os.Stderr.WriteString("model-injector: the start of the image " + problem + "\n")
	os.Exit(bug)
}
