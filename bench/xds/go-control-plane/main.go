// Command xds-bench is the other side of `npm run bench -- xds`: a control plane made of go-control-plane, as its own examples
// make one, and a fleet of delta clients that is used against every server alike.
//
//	xds-bench server
//	xds-bench fleet -address HOST:PORT -clients N
//
// Both take commands on stdin, one a line, and answer with one line of JSON each on stdout.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "server" {
		exitOn(runServer(os.Args[2:]))
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "fleet" {
		exitOn(runFleet(os.Args[2:]))
		return
	}
	exitOn(fmt.Errorf("usage: xds-bench server|fleet"))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
