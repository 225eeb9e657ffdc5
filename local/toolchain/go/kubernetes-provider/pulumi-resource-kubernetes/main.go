// The Pulumi Kubernetes provider. Its own main package embeds files that its release makes and its module does not have:
// the schema, which no command here asks for, and a mapping for `pulumi convert`.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version, []byte("{}"), []byte("{}"))
}
