// Package featurestore is a client of OrleansFeatures in Go, from its protos alone: the parts worth copying into your own.
//
// It keeps a pool of connections, gives every call a deadline, tries again what was refused for the moment or lost on the way, and reads what it has written.
package featurestore

import (
	"context"
	"fmt"
	"math/rand"
	"sort"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"orleansfeatures/pb"
)

// The first pause where the server gives no hint; each further one is up to twice as long. A few round trips.
const firstPause = 10 * time.Millisecond

const answerBytesMax = 16 << 20

// Store may be used by many goroutines at once.
type Store struct {
	// Timeout is the deadline of a call with all its tries, unless the context has an earlier one; the server sees it too, and does no work beyond it.
	Timeout time.Duration

	mutex       sync.Mutex
	connections []*connection
	uses        int
	seen        map[uint32]uint64
	retries     int
}

type connection struct {
	channel  *grpc.ClientConn
	features pb.FeatureServiceClient
	ingest   pb.IngestServiceClient
	underWay int
	used     int
}

// Event is one event by field name: nil, bool, int, int64, float64, string or time.Time.
type Event map[string]interface{}

// Open connects, as often as asked, to each server; the first calls wait until a connection stands.
func Open(servers []string, connections int) (*Store, error) {
	store := &Store{Timeout: 500 * time.Millisecond, seen: map[uint32]uint64{}}
	for _, server := range servers {
		for count := 0; count < connections; count++ {
			channel, err := grpc.Dial(server, grpc.WithInsecure(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(answerBytesMax)))
			if err != nil {
				store.Close()
				return nil, err
			}
			store.connections = append(store.connections, &connection{channel: channel, features: pb.NewFeatureServiceClient(channel), ingest: pb.NewIngestServiceClient(channel)})
		}
	}
	return store, nil
}

// Push appends events that all have the fields named. What is acknowledged is on disk. A repeated push is safe, because events are known by their ids: what the lost try had brought in is a DUPLICATE of the next.
// Look at the refusals: a bad event does not fail its neighbours.
func (store *Store) Push(ctx context.Context, stream string, fields []string, events []Event) (*pb.PushResponse, error) {
	rows := &pb.RowEvents{}
	for _, event := range events {
		row, err := rowOf(fields, event)
		if err != nil {
			return nil, err
		}
		rows.Rows = append(rows.Rows, row)
	}
	request := &pb.PushRequest{Stream: stream, FieldNames: fields, Events: &pb.PushRequest_Rows{Rows: rows}}
	var response *pb.PushResponse
	err := store.call(ctx, func(ctx context.Context, connection *connection, trailer grpc.CallOption) (err error) {
		response, err = connection.ingest.Push(ctx, request, trailer)
		return err
	})
	if err == nil {
		store.remember(response.Token)
	}
	return response, err
}

// Get answers a list of "view:feature" for rows of keys. It sees everything that this store has pushed.
func (store *Store) Get(ctx context.Context, features []string, keys ...*pb.KeyColumn) (*pb.GetFeaturesResponse, error) {
	request := &pb.GetFeaturesRequest{What: listOf(features), Keys: keys, MinToken: store.token()}
	var response *pb.GetFeaturesResponse
	err := store.call(ctx, func(ctx context.Context, connection *connection, trailer grpc.CallOption) (err error) {
		response, err = connection.features.GetFeatures(ctx, request, trailer)
		return err
	})
	return response, err
}

// Observe appends one event and answers with the features of its entities after it, as of its own time, in one call. It is idempotent: the same event again changes nothing and answers the same, so it is
// tried again as a push is. An event that was refused is an error.
func (store *Store) Observe(ctx context.Context, stream string, fields []string, event Event, features []string) (*pb.GetFeaturesResponse, error) {
	row, err := rowOf(fields, event)
	if err != nil {
		return nil, err
	}
	request := &pb.ObserveAndGetRequest{Stream: stream, FieldNames: fields, Event: row, What: listOf(features)}
	var response *pb.ObserveAndGetResponse
	err = store.call(ctx, func(ctx context.Context, connection *connection, trailer grpc.CallOption) (err error) {
		response, err = connection.features.ObserveAndGet(ctx, request, trailer)
		return err
	})
	if err != nil {
		return nil, err
	}
	if refusal := response.Refusal; refusal != nil {
		return nil, fmt.Errorf("%s: %s; %s", refusal.Field, refusal.Reason, refusal.Fix)
	}
	store.remember(response.Token)
	return response.Features, nil
}

// Retries says how often a call was tried again.
func (store *Store) Retries() int {
	store.mutex.Lock()
	defer store.mutex.Unlock()
	return store.retries
}

// Close ends the connections, and with them the calls under way.
func (store *Store) Close() {
	for _, connection := range store.connections {
		connection.channel.Close()
	}
}

// Int64 is the value of a column of the lane of integers in a row; false where it has none.
func Int64(response *pb.GetFeaturesResponse, row, column int) (int64, bool) {
	at, present := cell(response, row, column)
	if !present {
		return 0, false
	}
	return response.Rows.Int64S[at], true
}

// Double is the value of a column of the lane of doubles in a row; false where it has none.
func Double(response *pb.GetFeaturesResponse, row, column int) (float64, bool) {
	at, present := cell(response, row, column)
	if !present {
		return 0, false
	}
	return response.Rows.Doubles[at], true
}

// Values lie row by row in one lane per kind; a column names its lane, and its place among the columns of that lane.
func cell(response *pb.GetFeaturesResponse, row, column int) (int, bool) {
	width := 0
	for _, other := range response.Columns {
		if other.Lane == response.Columns[column].Lane {
			width++
		}
	}
	status := pb.FeatureStatus_PRESENT
	if statuses := response.Rows.Statuses; len(statuses) > 0 {
		status = pb.FeatureStatus(statuses[row*len(response.Columns)+column])
	}
	return row*width + int(response.Columns[column].LaneIndex), status == pb.FeatureStatus_PRESENT || status == pb.FeatureStatus_APPROXIMATE
}

func (store *Store) call(ctx context.Context, begin func(context.Context, *connection, grpc.CallOption) error) error {
	ctx, cancel := context.WithTimeout(ctx, store.Timeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		connection := store.take()
		var trailer metadata.MD
		err := begin(ctx, connection, grpc.Trailer(&trailer))
		store.giveBack(connection)
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(waitOf(trailer, pause)):
		}
		store.mutex.Lock()
		store.retries++
		store.mutex.Unlock()
	}
}

// Refused because the store is full at the moment, or lost with a connection or a server: the same call may succeed in a moment. Everything else is final.
func passing(err error) bool {
	code := status.Code(err)
	return code == codes.ResourceExhausted || code == codes.Unavailable
}

// The server's own hint, where it gives one.
func waitOf(trailer metadata.MD, pause time.Duration) time.Duration {
	if hints := trailer.Get("retry-after-ms"); len(hints) > 0 {
		if millis, err := strconv.Atoi(hints[0]); err == nil {
			return time.Duration(millis) * time.Millisecond
		}
	}
	return pause/2 + time.Duration(rand.Int63n(int64(pause/2)))
}

// The connection with the least to do; of several, the one that has rested longest.
func (store *Store) take() *connection {
	store.mutex.Lock()
	defer store.mutex.Unlock()
	best := store.connections[0]
	for _, one := range store.connections[1:] {
		if one.underWay < best.underWay || one.underWay == best.underWay && one.used < best.used {
			best = one
		}
	}
	store.uses++
	best.used = store.uses
	best.underWay++
	return best
}

func (store *Store) giveBack(connection *connection) {
	store.mutex.Lock()
	defer store.mutex.Unlock()
	connection.underWay--
}

func (store *Store) remember(token *pb.ConsistencyToken) {
	store.mutex.Lock()
	defer store.mutex.Unlock()
	for index, partition := range token.GetPartitions() {
		if offset := token.Offsets[index]; offset > store.seen[partition] {
			store.seen[partition] = offset
		} else if _, known := store.seen[partition]; !known {
			store.seen[partition] = offset
		}
	}
}

func (store *Store) token() *pb.ConsistencyToken {
	store.mutex.Lock()
	defer store.mutex.Unlock()
	token := &pb.ConsistencyToken{}
	for partition := range store.seen {
		token.Partitions = append(token.Partitions, partition)
	}
	sort.Slice(token.Partitions, func(left, right int) bool { return token.Partitions[left] < token.Partitions[right] })
	for _, partition := range token.Partitions {
		token.Offsets = append(token.Offsets, store.seen[partition])
	}
	return token
}

func listOf(features []string) *pb.FeatureSelection {
	return &pb.FeatureSelection{Selection: &pb.FeatureSelection_Features{Features: &pb.FeatureList{Names: features}}}
}

func rowOf(fields []string, event Event) (*pb.EventRow, error) {
	row := &pb.EventRow{}
	for _, field := range fields {
		value, err := valueOf(event[field])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		row.Values = append(row.Values, value)
	}
	return row, nil
}

// Times are microseconds since 1970 in UTC.
func valueOf(value interface{}) (*pb.Value, error) {
	switch value := value.(type) {
	case nil:
		return &pb.Value{}, nil
	case bool:
		return &pb.Value{Kind: &pb.Value_Bool{Bool: value}}, nil
	case int:
		return &pb.Value{Kind: &pb.Value_Int64{Int64: int64(value)}}, nil
	case int64:
		return &pb.Value{Kind: &pb.Value_Int64{Int64: value}}, nil
	case float64:
		return &pb.Value{Kind: &pb.Value_Double{Double: value}}, nil
	case string:
		return &pb.Value{Kind: &pb.Value_String_{String_: value}}, nil
	case time.Time:
		return &pb.Value{Kind: &pb.Value_TimestampMicros{TimestampMicros: value.UnixNano() / 1000}}, nil
	default:
		return nil, fmt.Errorf("a %T is no value of an event", value)
	}
}
