package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// everyNode serves all nodes the same snapshot.
type everyNode struct{}

func (everyNode) ID(*core.Node) string { return "all" }

// runServer takes `set FILE` (all resources) and `change FILE` (one resource replaced).
func runServer([]string) error {
	snapshots := cache.NewSnapshotCache(true, everyNode{}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(100000))
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), snapshots, nil))
	go func() { exitOn(grpcServer.Serve(listener)) }()
	answer(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})

	held := map[resource.Type]map[string]types.Resource{}
	version := 0
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		verb, file, _ := strings.Cut(lines.Text(), " ")
		if verb == "set" {
			held = map[resource.Type]map[string]types.Resource{}
		}
		if err := readResources(file, held); err != nil {
			return err
		}
		version++
		byType := map[resource.Type][]types.Resource{}
		for typeURL, all := range held {
			for _, one := range all {
				byType[typeURL] = append(byType[typeURL], one)
			}
		}
		snapshot, err := cache.NewSnapshot(fmt.Sprint(version), byType)
		if err != nil {
			return err
		}
		if err := snapshots.SetSnapshot(context.Background(), "all", snapshot); err != nil {
			return err
		}
		answer(map[string]any{"done": verb})
	}
	return nil
}

// readResources reads google.protobuf.Any messages, each after its length in four bytes.
func readResources(file string, into map[resource.Type]map[string]types.Resource) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		size := binary.BigEndian.Uint32(content)
		packed := &anypb.Any{}
		if err := proto.Unmarshal(content[4:4+size], packed); err != nil {
			return err
		}
		content = content[4+size:]
		one, err := unpack(packed)
		if err != nil {
			return err
		}
		if into[packed.TypeUrl] == nil {
			into[packed.TypeUrl] = map[string]types.Resource{}
		}
		into[packed.TypeUrl][cache.GetResourceName(one)] = one
	}
	return nil
}

func unpack(packed *anypb.Any) (types.Resource, error) {
	var one types.Resource
	switch packed.TypeUrl {
	case resource.ClusterType:
		one = &clusterv3.Cluster{}
	case resource.EndpointType:
		one = &endpointv3.ClusterLoadAssignment{}
	case resource.ListenerType:
		one = &listenerv3.Listener{}
	case resource.RouteType:
		one = &routev3.RouteConfiguration{}
	default:
		return nil, fmt.Errorf("%s is not served here", packed.TypeUrl)
	}
	return one, proto.Unmarshal(packed.Value, one)
}

func answer(value any) {
	line, err := json.Marshal(value)
	exitOn(err)
	fmt.Println(string(line))
}
