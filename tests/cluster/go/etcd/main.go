// etcd, built from its module: kubeadm passes flags that Debian's etcd does not know.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
