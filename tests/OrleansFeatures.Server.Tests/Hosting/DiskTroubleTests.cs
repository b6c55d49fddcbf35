using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.Server.Tests.EndToEnd;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Hosting;

/// <summary>A whole store in this process on a disk that fails on demand: what its clients and its supervisor see.</summary>
public sealed class DiskTroubleTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly TroubledDevice _disk = new();

    private string Data => _directory.File("data");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task On_a_full_disk_pushes_are_refused_with_place_and_fix_reads_go_on_and_it_resumes()
    {
        await using EmbeddedServer server = await StartAsync();
        using GrpcChannel channel = GrpcChannel.ForAddress(server.GrpcAddress);
        var ingest = new IngestService.IngestServiceClient(channel);
        long accepted = (long)(await ingest.PushAsync(Transactions.Columns(0, 2_000), cancellationToken: Cancelled)).Accepted;
        _disk.IsFull = true;
        RpcException? refused = null;
        while (refused is null)
        {
            // Space that was reserved ahead is still there: 16 MB are some hundred of these.
            try
            {
                accepted += (long)(await ingest.PushAsync(Transactions.Columns((int)accepted, 2_000), cancellationToken: Cancelled)).Accepted;
            }
            catch (RpcException full)
            {
                refused = full;
            }
        }

        refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        refused.Status.Detail.ShouldContain(_directory.File("data"));
        refused.Status.Detail.ShouldContain("no space left");
        refused.Status.Detail.ShouldContain("Free some space");
        using var http = new HttpClient { BaseAddress = server.HttpAddress };
        string lines = string.Join('\n', Enumerable.Range(1, 3_000).Select(id => $$"""{"tx_id":{{-id}},"tx_time":"2018-04-01T00:00:31Z","customer_id":596,"terminal_id":3156,"amount":57.16,"fraud":false}"""));
        using HttpResponseMessage rest = await http.PostAsync("/events/v1/transactions", new StringContent(lines), Cancelled);
        ((int)rest.StatusCode).ShouldBe(507);
        (await http.GetAsync("/features/v1/customer/7?as_of=stream", Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await http.GetAsync("/readyz", Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK, "it reads, and will push again by itself");

        _disk.IsFull = false;
        (await ingest.PushAsync(Transactions.Columns((int)accepted, 2_000), cancellationToken: Cancelled)).Accepted.ShouldBe(2_000ul, "nothing of the refused push was kept");
    }

    [Fact]
    public async Task A_checkpoint_on_a_full_disk_is_refused_and_works_again_when_there_is_space()
    {
        await using EmbeddedServer server = await StartAsync();
        using GrpcChannel channel = GrpcChannel.ForAddress(server.GrpcAddress);
        await new IngestService.IngestServiceClient(channel).PushAsync(Transactions.Columns(0, 2_000), cancellationToken: Cancelled);
        var admin = new AdminService.AdminServiceClient(channel);
        _disk.IsFull = true;
        var refused = await Should.ThrowAsync<RpcException>(async () => await admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        refused.Status.Detail.ShouldContain(_directory.File("data"));
        refused.Status.Detail.ShouldContain("Free some space");
        _disk.IsFull = false;
        (await admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: Cancelled)).LogRecordsBehind.ShouldBe(0ul);
    }

    [Fact]
    public async Task After_a_failed_sync_nothing_is_acknowledged_readiness_says_why_and_reads_go_on()
    {
        string data = _directory.File("data");
        await using (EmbeddedServer server = await StartAsync())
        {
            using GrpcChannel channel = GrpcChannel.ForAddress(server.GrpcAddress);
            var ingest = new IngestService.IngestServiceClient(channel);
            await ingest.PushAsync(Transactions.Columns(0, 10), cancellationToken: Cancelled);
            _disk.SyncFailure = () => new IOException("Input/output error");
            await ShouldBeUnavailableAsync(ingest, 10);
            _disk.SyncFailure = () => null;
            await ShouldBeUnavailableAsync(ingest, 20);

            using var http = new HttpClient { BaseAddress = server.HttpAddress };
            HttpResponseMessage ready = await http.GetAsync("/readyz", Cancelled);
            ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            string reason = await ready.Content.ReadAsStringAsync(Cancelled);
            reason.ShouldContain("Input/output error");
            reason.ShouldContain("restart");
            (await http.GetAsync("/healthz", Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK, "a restart loop would not mend the disk");
            (await http.GetAsync("/features/v1/customer/7?as_of=stream", Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK);
            var health = new Grpc.Health.V1.Health.HealthClient(channel);
            (await health.CheckAsync(new HealthCheckRequest { Service = IngestService.Descriptor.FullName }, cancellationToken: Cancelled)).Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        }

        await using EmbeddedServer again = await StartAsync();
        using GrpcChannel second = GrpcChannel.ForAddress(again.GrpcAddress);
        PushResponse repeated = await new IngestService.IngestServiceClient(second).PushAsync(Transactions.Columns(0, 30), cancellationToken: Cancelled);
        repeated.Accepted.ShouldBeInRange(10ul, 20ul, "the ten acknowledged are known; those of the failed sync may or may not be; the last ten were refused outright");
    }

    [Fact]
    public async Task A_disk_that_hangs_does_not_keep_the_server_from_ending_and_nothing_unacknowledged_was_acknowledged()
    {
        EmbeddedServer server = await StartAsync(new ServeOptions(Data, StoreProcess.FraudDefinitions, 0, 0) { Device = _disk, DrainMax = TimeSpan.FromSeconds(1), CloseMax = TimeSpan.FromSeconds(1) });
        using GrpcChannel channel = GrpcChannel.ForAddress(server.GrpcAddress);
        var ingest = new IngestService.IngestServiceClient(channel);
        await ingest.PushAsync(Transactions.Columns(0, 10), cancellationToken: Cancelled);
        _disk.Hang();
        Task<PushResponse> stuck = ingest.PushAsync(Transactions.Columns(10, 10), cancellationToken: Cancelled).ResponseAsync;
        while (_disk.Stuck == 0)
        {
            // Ended by the writer, which reaches the sync.
            await Task.Yield();
        }

        var gaveUp = await Should.ThrowAsync<ServerStopException>(async () => await server.DisposeAsync());
        gaveUp.Message.ShouldContain(_directory.File("data"));
        gaveUp.Message.ShouldContain("look at the disk");
        (await Should.ThrowAsync<RpcException>(() => stuck)).StatusCode.ShouldBe(StatusCode.Unavailable);
        _disk.GoOn();
        await server.Closing;
        await using EmbeddedServer again = await StartAsync();
        using GrpcChannel second = GrpcChannel.ForAddress(again.GrpcAddress);
        (await new IngestService.IngestServiceClient(second).PushAsync(Transactions.Columns(0, 20), cancellationToken: Cancelled)).Duplicates.ShouldBeGreaterThanOrEqualTo(10ul);
    }

    private static async Task ShouldBeUnavailableAsync(IngestService.IngestServiceClient ingest, int first)
    {
        var failed = await Should.ThrowAsync<RpcException>(async () => await ingest.PushAsync(Transactions.Columns(first, 10), cancellationToken: Cancelled));
        failed.StatusCode.ShouldBe(StatusCode.Unavailable);
        failed.Status.Detail.ShouldContain("Input/output error");
    }

    private Task<EmbeddedServer> StartAsync(ServeOptions? options = null) =>
        EmbeddedServer.StartAsync(options ?? new ServeOptions(Data, StoreProcess.FraudDefinitions, 0, 0) { Device = _disk }, Cancelled);
}
