package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
)

// fleet is a number of delta clients, each with a connection of its own, which ask for what an Envoy does.
type fleet struct {
	wanted   map[string]int
	clients  int
	received atomic.Int64
	synced   atomic.Int64
	// Clients that have acknowledged a change of the present round, and when the last did.
	changed sync.Map
	acked   atomic.Int64
	done    chan time.Time
	allSync chan time.Time
}

// runFleet answers with the time of the connect storm, and then, to each `round NAME`, waits for every client to have acknowledged
// a response with the resource of that name. Times are in microseconds since the epoch.
func runFleet(arguments []string) error {
	flags := flag.NewFlagSet("fleet", flag.ExitOnError)
	address := flags.String("address", "", "of the server")
	clients := flags.Int("clients", 500, "number of clients")
	modules := flags.Int("modules", 1000, "clusters and endpoints that each must have to be in sync")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	all := &fleet{
		wanted:  map[string]int{resource.ClusterType: *modules, resource.EndpointType: *modules, resource.ListenerType: 1, resource.RouteType: 1},
		clients: *clients,
		done:    make(chan time.Time, 1),
		allSync: make(chan time.Time, 1),
	}
	names := make([]string, *modules)
	for index := range names {
		names[index] = fmt.Sprintf("module/%d", index)
	}
	start := time.Now()
	for index := 0; index < *clients; index++ {
		connection, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithStatsHandler(byteCounter{all}), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
		if err != nil {
			return err
		}
		go func() { exitOn(all.serve(connection, fmt.Sprintf("node-%d", index), names)) }()
	}
	select {
	case at := <-all.allSync:
		answer(map[string]any{"storm_ms": float64(at.Sub(start).Microseconds()) / 1000, "bytes": all.received.Load()})
	case <-time.After(3 * time.Minute):
		return fmt.Errorf("only %d of %d clients are in sync after three minutes", all.synced.Load(), *clients)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name := strings.TrimPrefix(lines.Text(), "round ")
		all.acked.Store(0)
		before := all.received.Load()
		all.changed.Store("name", name)
		answer(map[string]any{"ready": name})
		select {
		case at := <-all.done:
			answer(map[string]any{"acked_us": at.UnixMicro(), "bytes": all.received.Load() - before})
		case <-time.After(30 * time.Second):
			return fmt.Errorf("only %d clients have acknowledged %s", all.acked.Load(), name)
		}
	}
	return nil
}

func (all *fleet) serve(connection *grpc.ClientConn, id string, names []string) error {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(context.Background())
	if err != nil {
		return err
	}
	ask := func(typeURL string, subscribe []string, node *core.Node) error {
		return stream.Send(&discovery.DeltaDiscoveryRequest{Node: node, TypeUrl: typeURL, ResourceNamesSubscribe: subscribe})
	}
	if err := ask(resource.ClusterType, nil, &core.Node{Id: id, Cluster: "bench"}); err != nil {
		return err
	}
	held := map[string]int{}
	isSynced := false
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce}); err != nil {
			return err
		}
		if !isSynced {
			first := held[response.TypeUrl] == 0
			held[response.TypeUrl] += len(response.Resources)
			// Like Envoy: endpoints once the clusters are known, then the listeners, then their routes.
			if next, names := follows(response.TypeUrl, names); first && next != "" {
				if err := ask(next, names, nil); err != nil {
					return err
				}
			}
			if all.isComplete(held) {
				isSynced = true
				if all.synced.Add(1) == int64(all.clients) {
					all.allSync <- time.Now()
				}
			}
			continue
		}
		wanted, _ := all.changed.Load("name")
		for _, one := range response.Resources {
			if one.Name == wanted && all.acked.Add(1) == int64(all.clients) {
				all.done <- time.Now()
			}
		}
	}
}

func follows(typeURL string, modules []string) (string, []string) {
	switch typeURL {
	case resource.ClusterType:
		return resource.EndpointType, modules
	case resource.EndpointType:
		return resource.ListenerType, nil
	case resource.ListenerType:
		return resource.RouteType, []string{"mesh"}
	}
	return "", nil
}

func (all *fleet) isComplete(held map[string]int) bool {
	for typeURL, count := range all.wanted {
		if held[typeURL] < count {
			return false
		}
	}
	return true
}

// byteCounter counts what comes in, as it is on the wire.
type byteCounter struct{ all *fleet }

func (byteCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (byteCounter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (byteCounter) HandleConn(context.Context, stats.ConnStats)                       {}
func (counter byteCounter) HandleRPC(_ context.Context, stat stats.RPCStats) {
	if payload, ok := stat.(*stats.InPayload); ok {
		counter.all.received.Add(int64(payload.WireLength))
	}
}
