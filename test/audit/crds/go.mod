module example.test/report-crds

go 1.22.0

require (
	github.com/kyverno/kyverno v1.13.4
	github.com/openreports/reports-api v0.2.1
)
