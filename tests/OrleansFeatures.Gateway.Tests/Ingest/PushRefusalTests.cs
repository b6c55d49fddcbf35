using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class PushRefusalTests
{
    public static TheoryData<string, StatusCode, string> Broken => new()
    {
        { "stream", StatusCode.NotFound, "stream: there is no stream 'click'; did you mean 'clicks'?" },
        { "version", StatusCode.InvalidArgument, "schema_version: stream 'clicks' has no version 9; use one of 1, or 0 for the newest" },
        { "events", StatusCode.InvalidArgument, "events: the push holds neither rows nor columns; fill `rows` or `columns`" },
        { "name", StatusCode.InvalidArgument, "field_names[4]: stream 'clicks' version 1 has no field 'amont'; did you mean 'amount'?" },
        { "name twice", StatusCode.InvalidArgument, "field_names[4]: field 'id' is named twice; name each field once" },
        { "columns", StatusCode.InvalidArgument, "columns: 5 columns where 6 fields are expected" },
        { "length", StatusCode.InvalidArgument, "columns[4]: 2 entries where `count` says 3" },
        { "empty column", StatusCode.InvalidArgument, "columns[4]: 0 entries where `count` says 3" },
        { "two lists", StatusCode.InvalidArgument, "columns[4]: 2 lists are filled; fill exactly one list" },
        { "nulls", StatusCode.InvalidArgument, "columns[4].nulls: 1 bytes for 9 events of field 'amount'" },
        { "count", StatusCode.InvalidArgument, "columns.count: 4000000000 events in one push; send at most 100000 at once" },
        { "producer", StatusCode.InvalidArgument, "producer: a name of 300 bytes; use at most 255 bytes" },
        { "producers", StatusCode.InvalidArgument, "producer_of_event: it has 1 entries for 3 events" },
        { "operations", StatusCode.InvalidArgument, "operation_of_event: it has 2 entries for 3 events; give an operation per event, or leave the list empty for `operation` to hold for all" },
        { "operation", StatusCode.InvalidArgument, "operation_of_event[1]: there is no operation 7; send INSERT (0), UPSERT (1) or DELETE (2)" },
        { "operation of all", StatusCode.InvalidArgument, "operation: there is no operation 3" },
        { "arrivals", StatusCode.InvalidArgument, "arrival_time_micros: it has 1 entries for 3 events; give an arrival time per event, or leave the list empty for all to arrive now" },
        { "producer index", StatusCode.InvalidArgument, "producer_of_event[2]: 2 is beyond the 2 names of `producers`" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task A_batch_that_contradicts_the_contract_is_refused_whole_with_place_and_fix(string what, StatusCode code, string message)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Ingest.PushAsync(Break(what), cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(code);
        refused.Status.Detail.ShouldStartWith(message);
        PushResponse after = await store.Ingest.PushAsync(Clicks.Columns(0, 9), cancellationToken: RunningStore.Cancelled);
        after.Accepted.ShouldBe(9ul, "nothing of the refused batch may have been kept");
    }

    [Fact]
    public async Task A_refusal_carries_the_standard_details_for_programs()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Ingest.PushAsync(Break("stream"), cancellationToken: RunningStore.Cancelled));
        var status = Google.Rpc.Status.Parser.ParseFrom(refused.Trailers.GetValueBytes("grpc-status-details-bin"));
        status.Code.ShouldBe((int)StatusCode.NotFound);
        status.Details[0].Unpack<ErrorInfo>().Reason.ShouldBe("NOT_FOUND");
        status.Details[1].Unpack<BadRequest>().FieldViolations.ShouldHaveSingleItem().Field.ShouldBe("stream");
    }

    [Fact]
    public async Task An_empty_batch_is_answered_with_nothing()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse response = await store.Ingest.PushAsync(new PushRequest { Sequence = 7, Stream = "clicks", Columns = new ColumnEvents() }, cancellationToken: RunningStore.Cancelled);
        (response.Sequence, response.Accepted, response.Results.Count).ShouldBe((7ul, 0ul, 0));
    }

    private static PushRequest Break(string what)
    {
        PushRequest request = Clicks.Columns(0, what == "nulls" ? 9 : 3);
        switch (what)
        {
            case "stream":
                request.Stream = "click";
                break;
            case "version":
                request.SchemaVersion = 9;
                break;
            case "events":
                request.Columns = null;
                break;
            case "name":
                request.FieldNames[4] = "amont";
                break;
            case "operations":
                request.OperationOfEvent.AddRange([Operation.Insert, Operation.Delete]);
                break;
            case "operation":
                request.OperationOfEvent.AddRange([Operation.Insert, (Operation)7, Operation.Delete]);
                break;
            case "operation of all":
                request.Operation = (Operation)3;
                break;
            case "arrivals":
                request.ArrivalTimeMicros.Add(1);
                break;
            case "name twice":
                request.FieldNames[4] = "id";
                break;
            case "columns":
                request.Columns.Columns.RemoveAt(5);
                break;
            case "length":
                request.Columns.Columns[4].Doubles.RemoveAt(0);
                break;
            case "empty column":
                request.Columns.Columns[4] = new Column();
                break;
            case "two lists":
                request.Columns.Columns[4].Int64S.AddRange([1, 2, 3]);
                break;
            case "nulls":
                request.Columns.Columns[4].Nulls = ByteString.CopyFrom(1);
                break;
            case "count":
                request.Columns.Count = 4_000_000_000;
                break;
            case "producer":
                request.Producer = new string('p', 300);
                break;
            case "producers":
                request.Producers.Add("a");
                request.ProducerOfEvent.Add(0);
                break;
            default:
                request.Producers.AddRange(["a", "b"]);
                request.ProducerOfEvent.AddRange([0, 1, 2]);
                break;
        }

        return request;
    }
}
