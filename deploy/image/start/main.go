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

// Set by the linker: "--FLAG,--FLAG" for every command, and rows for some: "serve:--FLAG", "load:NAME,NAME;serve:NAME",
// "serve:NAME=VALUE".
var nodeFlags, commandFlags, keptVariables, setVariables string

func main() {
	if nodeFlags == "" || keptVariables == "" {
		fail("was built without flags of Node or names of variables: build it by deploy/image/assemble.ts")
	}
	arguments := os.Args[min(1, len(os.Args)):]
	name := ""
	if len(arguments) > 0 {
		name = arguments[0]
	}
	flags, _ := itemsFor(name, commandFlags)
	command := slices.Concat([]string{node}, strings.Split(nodeFlags, ","), flags, []string{product}, arguments)
	err := syscall.Exec(node, command, environmentFor(name))
	fail("cannot start " + node + ": " + err.Error())
}

// Commands that people run keep the environment as it is.
func environmentFor(name string) []string {
	environment := os.Environ()
	if names, found := itemsFor(name, keptVariables); found {
		environment = only(names)
	}
	set, _ := itemsFor(name, setVariables)
	return append(environment, set...)
}

func itemsFor(name, rows string) ([]string, bool) {
	for _, row := range strings.Split(rows, ";") {
		if command, items, _ := strings.Cut(row, ":"); command == name && items != "" {
			return strings.Split(items, ","), true
		}
	}
	return nil, false
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
