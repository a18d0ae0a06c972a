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

const (
	node    = "/usr/local/bin/node"
	product = "/app/dist/main.js"
	// Exit code of the product for a bug.
	bug = 70
)

// Set by the linker: "--FLAG,--FLAG" and "load:NAME,NAME;serve:NAME".
var nodeFlags, keptVariables string

func main() {
	if nodeFlags == "" || keptVariables == "" {
		fail("was built without flags of Node or names of variables: build it by deploy/image/assemble.ts")
	}
	arguments := os.Args[min(1, len(os.Args)):]
	command := slices.Concat([]string{node}, strings.Split(nodeFlags, ","), []string{product}, arguments)
	err := syscall.Exec(node, command, environmentFor(arguments))
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
