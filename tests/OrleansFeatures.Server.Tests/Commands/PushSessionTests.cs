using Grpc.Core;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Commands;

public sealed class PushSessionTests : IDisposable
{
    private const int BatchEvents = 100;

    private static readonly EventMapping Mapping = new("s", 1, [new MappedField("id", Domain.Events.FieldType.Int64, 0), new MappedField("amount", Domain.Events.FieldType.Double, 1)], Envelope: EnvelopeMapping.None);

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Every_row_is_sent_once_in_order_and_counted()
    {
        var ingest = new FakeIngest();
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, Lines(10_050), TimeSpan.Zero);

        stopped.ShouldBeNull();
        totals.Accepted.ShouldBe(10_050ul);
        totals.AcknowledgedThroughLine.ShouldBe(10_051);
        totals.AnyRefused.ShouldBeFalse();
        ingest.Received.SelectMany(batch => batch.Columns.Columns[0].Int64S).ShouldBe(Enumerable.Range(0, 10_050).Select(id => (long)id));
        ingest.Received.Select(batch => batch.Sequence).ShouldBe(Enumerable.Range(1, 101).Select(number => (ulong)number));
    }

    [Fact]
    public async Task A_lost_stream_is_taken_up_again_and_only_unacknowledged_batches_are_sent_twice()
    {
        var ingest = new FakeIngest
        {
            Answer = (number, request) => number is 7 or 20 or 21 ? throw new RpcException(new Status(StatusCode.Unavailable, "going down")) : FakeIngest.Accept(request),
        };
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, Lines(5_000), TimeSpan.FromSeconds(30));

        stopped.ShouldBeNull();
        totals.Accepted.ShouldBe(5_000ul);
        totals.Reconnects.ShouldBe(3ul);
        ingest.Received.SelectMany(batch => batch.Columns.Columns[0].Int64S).Distinct().Count().ShouldBe(5_000);
        ingest.Received.Count(batch => batch.Sequence <= 6).ShouldBe(6);
        ingest.Received.Count(batch => batch.Sequence == 7).ShouldBe(2);
    }

    [Fact]
    public async Task Without_retries_a_lost_stream_says_how_far_the_acknowledgements_came()
    {
        var ingest = new FakeIngest
        {
            Answer = (number, request) => number > 7 ? throw new RpcException(new Status(StatusCode.Unavailable, "going down")) : FakeIngest.Accept(request),
        };
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, Lines(50_000), TimeSpan.Zero);

        stopped.ShouldNotBeNull().Code.ShouldBe(ExitCode.Unreachable);
        stopped.Message.ShouldContain("lines up to 701 are acknowledged");
        stopped.Message.ShouldContain("pushing the same file again is safe");
        totals.Accepted.ShouldBe(700ul);
    }

    [Fact]
    public async Task Interrupted_it_says_how_far_the_acknowledgements_came()
    {
        using var interrupt = new CancellationTokenSource();
        var ingest = new FakeIngest();
        ingest.Answer = (number, request) =>
        {
            if (number == 8)
            {
                interrupt.Cancel();
            }

            return FakeIngest.Accept(request);
        };
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, Lines(50_000), TimeSpan.FromSeconds(30), interrupt.Token);

        stopped.ShouldNotBeNull().Code.ShouldBe(ExitCode.Refused);
        stopped.Message.ShouldStartWith("interrupted; ");
        totals.Accepted.ShouldBeLessThan(50_000ul);
        totals.AcknowledgedThroughLine.ShouldBe(totals.Accepted == 0 ? 0 : (long)totals.Accepted + 1);
    }

    [Fact]
    public async Task A_refused_stream_is_not_retried()
    {
        var ingest = new FakeIngest { Answer = (_, _) => throw new RpcException(new Status(StatusCode.ResourceExhausted, "message too large")) };
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, Lines(50_000), TimeSpan.FromSeconds(30));

        stopped.ShouldNotBeNull().Code.ShouldBe(ExitCode.Refused);
        stopped.Message.ShouldContain("message too large");
        totals.Reconnects.ShouldBe(0ul);
    }

    [Fact]
    public async Task Refusals_name_the_lines_of_the_file_in_order()
    {
        var ingest = new FakeIngest
        {
            Answer = (_, request) =>
            {
                PushResponse answer = FakeIngest.Accept(request);
                if (request.EventsCase == PushRequest.EventsOneofCase.Rows)
                {
                    answer.Quarantined = answer.Accepted;
                    answer.Accepted = 0;
                    answer.Refusals.AddRange(request.Rows.Rows.Select((row, index) => new Refusal { Index = (uint)index, Field = "amount", Reason = $"'{row.Values[1].String}' is not a double" }));
                }

                return answer;
            },
        };
        string[] lines = Lines(300).ToArray();
        lines[40] = "40,abc";
        lines[7] = "7,NaN";
        lines[50] = "50";
        lines[290] = "290,inf";
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, lines, TimeSpan.Zero);

        stopped.ShouldBeNull();
        totals.Accepted.ShouldBe(296ul);
        totals.Quarantined.ShouldBe(3ul);
        totals.Unreadable.ShouldBe(1ul);
        totals.FirstRefusals().Select(refused => $"{refused.Line} {refused.Field} {refused.Reason}").ShouldBe(
        [
            "9 amount 'NaN' is not a double",
            "42 amount 'abc' is not a double",
            "52  the row has 1 cell, the header 2; quote cells that contain the separator ','",
            "292 amount 'inf' is not a double",
        ]);
        totals.AcknowledgedThroughLine.ShouldBe(301);
    }

    [Fact]
    public async Task A_file_that_breaks_off_is_pushed_as_far_as_it_goes()
    {
        byte[] packed = Files.Gzip.Of("id,amount\n" + string.Join('\n', Lines(400_000)));
        string path = _directory.Write("events.csv.gz", packed[..^5_000]);
        var ingest = new FakeIngest();
        (PushTotals totals, CommandFailure? stopped) = await PushAsync(ingest, path, TimeSpan.Zero);

        stopped.ShouldNotBeNull().Code.ShouldBe(ExitCode.Refused);
        stopped.Message.ShouldContain($"after line {totals.Accepted + 1};");
        totals.Accepted.ShouldBeGreaterThan(100_000ul);
        ingest.Received.Sum(FakeIngest.CountOf).ShouldBe((int)totals.Accepted);
    }

    [Fact]
    public async Task Nobody_at_the_address_is_unreachable()
    {
        string address;
        await using (FakeStore store = await FakeStore.StartAsync(new FakeIngest()))
        {
            address = store.Address;
        }

        using var connection = new ServerConnection(address);
        CommandFailure failure = await Should.ThrowAsync<CommandFailure>(() => connection.DefinitionAsync("stream", "s", TestContext.Current.CancellationToken));
        failure.Code.ShouldBe(ExitCode.Unreachable);
        failure.Message.ShouldContain(address);
    }

    private static IEnumerable<string> Lines(int count) => Enumerable.Range(0, count).Select(id => $"{id},{id}.5");

    private Task<(PushTotals Totals, CommandFailure? Stopped)> PushAsync(FakeIngest ingest, IEnumerable<string> lines, TimeSpan retryFor, CancellationToken? interrupt = null) =>
        PushAsync(ingest, _directory.Write("events.csv", "id,amount\n" + string.Join('\n', lines)), retryFor, interrupt);

    private static async Task<(PushTotals Totals, CommandFailure? Stopped)> PushAsync(FakeIngest ingest, string path, TimeSpan retryFor, CancellationToken? interrupt = null)
    {
        await using FakeStore store = await FakeStore.StartAsync(ingest);
        using var connection = new ServerConnection(store.Address);
        using InputFile input = InputFile.Open(path);
        var session = new PushSession(connection, input, new EventBatcher(Mapping, BatchEvents), retryFor);
        CommandFailure? stopped = await session.RunAsync(interrupt ?? TestContext.Current.CancellationToken);
        return (session.Totals, stopped);
    }
}
