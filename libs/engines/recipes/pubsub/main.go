// Google's in-memory Pub/Sub server (pstest) behind a TCP port of loopback.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloud.google.com/go/pubsub/v2/pstest"
)

func main() {
	port := flag.Int("port", 0, "TCP port, 0 for any free one")
	flag.Parse()
	server := pstest.NewServerWithPort(*port)
	fmt.Printf("READY %s\n", server.Addr)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	server.Close()
}
