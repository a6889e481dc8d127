// SPDX-License-Identifier: Apache-2.0

// A control plane on the go-control-plane library: one cluster, one route table, one listener for node "test1", in
// two versions. GET /test on the trigger's port moves from the first to the second.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	listenerservice "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	routeservice "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

const node = "test1"

var (
	listen  = flag.String("listen", ":19090", "address of the gRPC server")
	trigger = flag.String("trigger", ":18000", "address of the HTTP server with the trigger")
	first   = flag.String("v1", "", "host of the first version")
	second  = flag.String("v2", "", "host of the second version")
	ads     = flag.Bool("ads", false, "one stream for all types; otherwise one for each")
	delta   = flag.Bool("delta", false, "route tables are asked for in increments")
)

func address(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}}}
}

func makeCluster(host string, broken bool) *clusterv3.Cluster {
	hosts := []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
		Endpoint: &endpointv3.Endpoint{Address: address(host, 80)}}}}
	if broken { // LOGICAL_DNS has one name
		hosts = append(hosts, hosts[0])
	}
	return &clusterv3.Cluster{
		Name:                 "web_cluster",
		ConnectTimeout:       durationpb.New(5 * time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_LOGICAL_DNS},
		LbPolicy:             clusterv3.Cluster_ROUND_ROBIN,
		DnsLookupFamily:      clusterv3.Cluster_V4_ONLY,
		LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: "web_cluster",
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: hosts}}},
	}
}

func makeRoutes(host string, broken bool) *routev3.RouteConfiguration {
	domains := []string{"*"}
	if broken { // a domain is in a table once
		domains = append(domains, "*")
	}
	return &routev3.RouteConfiguration{Name: "local_route", VirtualHosts: []*routev3.VirtualHost{{
		Name: "local_service", Domains: domains, Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier:     &routev3.RouteAction_Cluster{Cluster: "web_cluster"},
				HostRewriteSpecifier: &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: host},
			}},
		}},
	}}}
}

func routeSource() *corev3.ConfigSource {
	source := &corev3.ConfigSource{ResourceApiVersion: corev3.ApiVersion_V3}
	if *ads {
		source.ConfigSourceSpecifier = &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}
		return source
	}
	kind := corev3.ApiConfigSource_GRPC
	if *delta {
		kind = corev3.ApiConfigSource_DELTA_GRPC
	}
	source.ConfigSourceSpecifier = &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
		ApiType: kind, TransportApiVersion: corev3.ApiVersion_V3, SetNodeOnFirstMessageOnly: true,
		GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
			EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: "xds_cluster"}}}},
	}}
	return source
}

func makeListener(broken bool) (*listenerv3.Listener, error) {
	manager := &managerv3.HttpConnectionManager{
		CodecType: managerv3.HttpConnectionManager_AUTO, StatPrefix: "http",
		RouteSpecifier: &managerv3.HttpConnectionManager_Rds{Rds: &managerv3.Rds{
			RouteConfigName: "local_route", ConfigSource: routeSource()}},
		HttpFilters: []*managerv3.HttpFilter{{Name: "envoy.filters.http.router"}},
	}
	if broken { // no router
		manager.HttpFilters = nil
	}
	config, err := anypb.New(manager)
	if err != nil {
		return nil, err
	}
	return &listenerv3.Listener{Name: "listener_0", Address: address("0.0.0.0", 8080),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config}}}}},
	}, nil
}

func makeSnapshot(version, host, broken string) (*cache.Snapshot, error) {
	made, err := makeListener(broken == "listener")
	if err != nil {
		return nil, err
	}
	snapshot, err := cache.NewSnapshot(version, map[resource.Type][]types.Resource{
		resource.ClusterType:  {makeCluster(host, broken == "cluster")},
		resource.RouteType:    {makeRoutes(host, broken == "route")},
		resource.ListenerType: {made},
	})
	if err != nil {
		return nil, err
	}
	return snapshot, snapshot.Consistent()
}

// What clients have refused.
type refusals struct {
	lock sync.Mutex
	list []refusal
}

type refusal struct{ Type, Message string }

func (r *refusals) add(kind, message string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.list = append(r.list, refusal{kind, message})
}

func (r *refusals) callbacks() server.Callbacks {
	return server.CallbackFuncs{
		StreamRequestFunc: func(_ int64, request *discovery.DiscoveryRequest) error {
			if request.ErrorDetail != nil {
				r.add(request.TypeUrl, request.ErrorDetail.Message)
			}
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, request *discovery.DeltaDiscoveryRequest) error {
			if request.ErrorDetail != nil {
				r.add(request.TypeUrl, request.ErrorDetail.Message)
			}
			return nil
		},
	}
}

func serveGRPC(ctx context.Context, snapshots cache.SnapshotCache, refused *refusals) error {
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	xds := server.NewServer(ctx, snapshots, refused.callbacks())
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(1000),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}))
	if *ads {
		discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	} else {
		clusterservice.RegisterClusterDiscoveryServiceServer(grpcServer, xds)
		listenerservice.RegisterListenerDiscoveryServiceServer(grpcServer, xds)
		routeservice.RegisterRouteDiscoveryServiceServer(grpcServer, xds)
	}
	return grpcServer.Serve(listener)
}

func serveTrigger(ctx context.Context, snapshots cache.SnapshotCache, refused *refusals) error {
	set := func(response http.ResponseWriter, version, host, broken string) {
		snapshot, err := makeSnapshot(version, host, broken)
		if err == nil {
			err = snapshots.SetSnapshot(ctx, node, snapshot)
		}
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprint(response, "Ok")
	}
	http.HandleFunc("GET /test", func(response http.ResponseWriter, _ *http.Request) { set(response, "v2", *second, "") })
	// The same for any version: /serve?version=V&host=H, and &broken=cluster, route or listener.
	http.HandleFunc("GET /serve", func(response http.ResponseWriter, request *http.Request) {
		query := request.URL.Query()
		set(response, query.Get("version"), query.Get("host"), query.Get("broken"))
	})
	http.HandleFunc("GET /refused", func(response http.ResponseWriter, _ *http.Request) {
		refused.lock.Lock()
		defer refused.lock.Unlock()
		_ = json.NewEncoder(response).Encode(refused.list)
	})
	return http.ListenAndServe(*trigger, nil)
}

func main() {
	flag.Parse()
	ctx := context.Background()
	snapshots := cache.NewSnapshotCache(*ads, cache.IDHash{}, nil)
	snapshot, err := makeSnapshot("v1", *first, "")
	if err == nil {
		err = snapshots.SetSnapshot(ctx, node, snapshot)
	}
	if err != nil {
		log.Fatal(err)
	}
	refused := &refusals{}
	ended := make(chan error)
	go func() { ended <- serveGRPC(ctx, snapshots, refused) }()
	go func() { ended <- serveTrigger(ctx, snapshots, refused) }()
	log.Fatal(<-ended)
}
