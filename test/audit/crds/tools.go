// Package tools pins the modules whose custom resource definitions the tests apply; none of their code is built.
package tools
