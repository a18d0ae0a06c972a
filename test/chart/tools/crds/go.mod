module example.test/crds

go 1.22.0

require (
	github.com/cert-manager/cert-manager v1.11.5
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
