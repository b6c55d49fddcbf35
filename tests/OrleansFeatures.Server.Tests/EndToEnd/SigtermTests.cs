using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>What a supervisor sees that asks a store to end. <see cref="StoreProcess.TerminateAsync"/> waits longer than the store may take, so the time is compared too.</summary>
public sealed class SigtermTests : IDisposable
{
    private static readonly TimeSpan StopMax = Limits.DrainMax + Limits.CloseMax;

    private readonly TempDirectory _directory = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task What_was_acknowledged_before_is_there_after_the_next_start()
    {
        string data = _directory.File("data");
        await using StoreProcess store = await StoreProcess.StartAsync(data);
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        var ingest = new IngestService.IngestServiceClient(channel);
        long acknowledged = 0;
        Task<RpcException> pushing = Task.Run(async () =>
        {
            for (int batch = 0; ; batch++)
            {
                try
                {
                    PushResponse response = await ingest.PushAsync(Transactions.Columns(batch * 10, 10), cancellationToken: Cancelled);
                    Interlocked.Add(ref acknowledged, (long)response.Accepted);
                }
                catch (RpcException ended)
                {
                    return ended;
                }
            }
        }, Cancelled);
        await UntilAsync(() => Interlocked.Read(ref acknowledged) > 500);

        await ShouldEndCleanlyAsync(store);
        (await pushing).StatusCode.ShouldBe(StatusCode.Unavailable, "a client may try another server");
        await using StoreProcess again = await StoreProcess.StartAsync(data);
        long accepted = await AcceptedAsync(again);
        accepted.ShouldBeGreaterThanOrEqualTo(acknowledged);
        (accepted - acknowledged).ShouldBeLessThanOrEqualTo(10, "at most the push that was under way");
    }

    [Fact]
    public async Task Whoever_watches_health_is_told_and_new_connections_are_refused()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        using var watch = new Grpc.Health.V1.Health.HealthClient(channel).Watch(new HealthCheckRequest(), cancellationToken: Cancelled);
        (await watch.ResponseStream.MoveNext(Cancelled)).ShouldBeTrue();
        watch.ResponseStream.Current.Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
        Task stopping = ShouldEndCleanlyAsync(store);
        (await watch.ResponseStream.MoveNext(Cancelled)).ShouldBeTrue();
        watch.ResponseStream.Current.Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        await stopping;
        using var late = new TcpClient();
        await Should.ThrowAsync<SocketException>(async () => await late.ConnectAsync("127.0.0.1", new Uri(store.Grpc).Port, Cancelled));
    }

    [Fact]
    public async Task A_stream_that_is_idle_does_not_hold_up_the_end()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        using var push = new IngestService.IngestServiceClient(channel).PushStream(cancellationToken: Cancelled);
        await push.RequestStream.WriteAsync(Transactions.Columns(0, 10), Cancelled);
        (await push.ResponseStream.MoveNext(Cancelled)).ShouldBeTrue();
        TimeSpan took = await ShouldEndCleanlyAsync(store);
        took.ShouldBeLessThan(Limits.DrainMax / 2, "a stream ends with what it has acknowledged, not with the patience");
        (await Should.ThrowAsync<RpcException>(async () => await push.ResponseStream.MoveNext(Cancelled))).StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    [Fact]
    public async Task A_client_that_pushes_and_never_reads_acknowledgements_is_cut_off_in_time()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        using var push = new IngestService.IngestServiceClient(channel).PushStream(cancellationToken: Cancelled);

        // Refusals are long answers: the acknowledgements that nobody reads soon fill the windows, and then the store reads no more.
        Task writing = Task.Run(async () =>
        {
            PushRequest bad = Transactions.Columns(0, 2_000);
            bad.Columns.Columns[0].Int64S.Clear();
            bad.Columns.Columns[0].Nulls = Google.Protobuf.ByteString.CopyFrom(Enumerable.Repeat((byte)0xff, 250).ToArray());
            bad.Columns.Columns[0].Int64S.AddRange(Enumerable.Repeat(0L, 2_000));
            while (true)
            {
                await push.RequestStream.WriteAsync(bad, Cancelled);
            }
        }, Cancelled);
        await UntilAsync(() => QuarantinedAsync(store), atLeast: 2_000);
        await ShouldEndCleanlyAsync(store);
        await Should.ThrowAsync<Exception>(() => writing);
    }

    [Fact]
    public async Task A_client_that_opens_a_large_answer_and_never_reads_it_is_cut_off_in_time()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
        await new IngestService.IngestServiceClient(channel).PushAsync(Transactions.Columns(0, 10), cancellationToken: Cancelled);
        using var training = new FeatureService.FeatureServiceClient(channel).GetTrainingFeatures(cancellationToken: Cancelled);
        var rows = new TrainingRequest { What = new FeatureSelection { FeatureService = "fraud" } };
        rows.Keys.Add(new KeyColumn { Field = "customer_id", Int64S = { Enumerable.Range(0, 100_000).Select(row => (long)row) } });
        rows.Keys.Add(new KeyColumn { Field = "terminal_id", Int64S = { Enumerable.Range(0, 100_000).Select(row => (long)row) } });
        rows.AsOfMicros.AddRange(Enumerable.Repeat(1_522_540_800_000_000L, 100_000));
        await training.RequestStream.WriteAsync(rows, Cancelled);
        await training.RequestStream.CompleteAsync();
        (await training.ResponseStream.MoveNext(Cancelled)).ShouldBeTrue("the answer has begun; from here on nobody reads");
        await ShouldEndCleanlyAsync(store);
    }

    [Fact]
    public async Task A_request_that_was_half_sent_does_not_hold_up_the_end()
    {
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(store.Http).Port, Cancelled);
        await client.GetStream().WriteAsync("POST /events/v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"u8.ToArray(), Cancelled);
        await ShouldEndCleanlyAsync(store);
    }

    private static async Task<TimeSpan> ShouldEndCleanlyAsync(StoreProcess store)
    {
        var took = Stopwatch.StartNew();
        (int code, _) = await store.TerminateAsync();
        code.ShouldBe(0, store.Error);
        took.Elapsed.ShouldBeLessThan(StopMax);
        return took.Elapsed;
    }

    private static async Task<long> AcceptedAsync(StoreProcess store) => (await StatusAsync(store)).GetProperty("streams")[0].GetProperty("accepted").GetInt64();

    private static async Task<long> QuarantinedAsync(StoreProcess store) => (await StatusAsync(store)).GetProperty("streams")[0].GetProperty("quarantined").GetInt64();

    private static async Task<JsonElement> StatusAsync(StoreProcess store)
    {
        CommandRun run = await CommandRun.RunAsync(["status", "--server", store.Grpc, "--output", "json"]);
        run.ExitCode.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Out).RootElement;
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition() ? 1L : 0L), 1);

    private static async Task UntilAsync(Func<Task<long>> number, long atLeast)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (await number() < atLeast)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
