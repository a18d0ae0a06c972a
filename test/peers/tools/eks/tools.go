//go:build tools

package tools

import _ "github.com/aws/amazon-eks-pod-identity-webhook"
