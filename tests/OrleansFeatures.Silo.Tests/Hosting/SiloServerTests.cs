using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Operations;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Hosting;

/// <summary>Whole silos in this process, over a real PostgreSQL and a real Redis.</summary>
public sealed class SiloServerTests : IAsyncLifetime
{
    private readonly HttpClient _http = new();
    private PostgresServer? _postgres;
    private RedisServer? _redis;
    private string _database = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyNot() is not null, PostgresServer.WhyNot() ?? "");
        Assert.SkipWhen(RedisServer.WhyNot() is not null, RedisServer.WhyNot() ?? "");
        _postgres = await PostgresServer.StartAsync("fsync=off");
        _redis = await RedisServer.StartAsync();
        _database = await _postgres.CreateDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_postgres?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    [Fact]
    public async Task Two_silos_share_the_partitions_and_either_answers_for_all_of_them()
    {
        await using SiloServer first = await SiloServer.StartAsync(Options(), Cancelled);
        await using SiloServer second = await SiloServer.StartAsync(Options(), Cancelled);
        foreach (SiloServer asked in new[] { first, second })
        {
            // Gossip and a first call between the two take their time where the machine is busy.
            await Eventually.Is(
                async () => (await ListAsync(asked, "silos")).Count(silo => silo!["status"]!.GetValue<string>() == "Active" && silo["ready"]!.GetValue<bool>()) == 2, () => "each silo tells of both that they are active and ready");
        }

        JsonArray partitions = await ListAsync(second, "partitions");
        partitions.Select(partition => partition!["partition"]!.GetValue<int>()).ShouldBe(Enumerable.Range(0, 8));
        partitions.GroupBy(partition => partition!["silo"]!.GetValue<string>()).Select(silo => silo.Count()).ShouldBe([4, 4], "the plan is even");

        // Orleans counts activations by process, and here all silos of all tests are one. A silo that has not answered in time is left out, which on a busy machine is one that has just joined.
        await Eventually.Is(
            async () => (await ListAsync(first, "grains")).Where(grain => grain!["type"]!.GetValue<string>().Contains("PartitionGrain", StringComparison.Ordinal)).Count(grain => grain!["activations"]!.GetValue<int>() >= 8) == 2,
            () => "both silos tell of the partitions' grains");

        using GrpcChannel channel = GrpcChannel.ForAddress(first.GrpcAddress);
        PushResponse pushed = await new IngestService.IngestServiceClient(channel).PushAsync(Transactions(events: 50), cancellationToken: Cancelled);
        pushed.Accepted.ShouldBe(50UL);
        await ShouldAnswerAsync(first, pushed.Token);
        await ShouldAnswerAsync(second, pushed.Token);
        IReadOnlyDictionary<string, double> metrics = MetricsTextTests.ShouldParse(await _http.GetStringAsync(new Uri(first.HttpAddress, "/metrics"), Cancelled));
        metrics["orleansfeatures_silo_ready"].ShouldBe(1);
        metrics["orleansfeatures_silos_active"].ShouldBe(2);
        metrics["orleansfeatures_partitions_owned"].ShouldBe(4);
        metrics["orleansfeatures_events_accepted_total"].ShouldBeGreaterThanOrEqualTo(50);
        metrics["orleansfeatures_lookups_total{outcome=\"ok\"}"].ShouldBeGreaterThanOrEqualTo(1);
        metrics.Keys.Count(name => name.StartsWith("orleansfeatures_partition_lag_events{", StringComparison.Ordinal)).ShouldBe(4);
    }

    [Fact]
    public async Task The_dashboard_is_a_page_that_finds_its_script()
    {
        await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);
        (await _http.GetStringAsync(new Uri(silo.HttpAddress, "/orleans"), Cancelled)).ShouldContain("index.min.js");
        (await _http.GetAsync(new Uri(silo.HttpAddress, "/orleans/index.min.js"), Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _http.GetStringAsync(new Uri(silo.HttpAddress, "/orleans/ClusterStats"), Cancelled)).ShouldStartWith("{");
    }

    [Fact]
    public async Task Readiness_and_health_follow_PostgreSQL_and_the_process_stays_alive()
    {
        await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);
        using GrpcChannel channel = GrpcChannel.ForAddress(silo.GrpcAddress);
        var health = new Health.HealthClient(channel);
        (await ReadinessAsync(silo)).ShouldBe((HttpStatusCode.OK, "ready\n"));

        await _postgres!.StopAsync();
        await Eventually.Is(() => ReadinessAsync(silo).GetAwaiter().GetResult().Status == HttpStatusCode.ServiceUnavailable, "readiness is withdrawn");
        (await ReadinessAsync(silo)).Text.ShouldContain("PostgreSQL");
        (await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Cancelled)).Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        (await _http.GetStringAsync(new Uri(silo.HttpAddress, "/healthz"), Cancelled)).ShouldBe("ok\n", "a restart would not bring PostgreSQL back");

        await _postgres.StartAgainAsync();
        await Eventually.Is(() => ReadinessAsync(silo).GetAwaiter().GetResult().Status == HttpStatusCode.OK, "readiness comes back");
        (await health.CheckAsync(new HealthCheckRequest(), cancellationToken: Cancelled)).Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
    }

    [Fact]
    public async Task A_silo_that_leaves_says_so_first_and_loses_nothing()
    {
        SiloServer silo = await SiloServer.StartAsync(Options() with { LeaveGrace = TimeSpan.FromSeconds(2) }, Cancelled);
        PushResponse pushed;
        using (GrpcChannel channel = GrpcChannel.ForAddress(silo.GrpcAddress))
        {
            pushed = await new IngestService.IngestServiceClient(channel).PushAsync(Transactions(events: 50), cancellationToken: Cancelled);
            Task<bool> drained = silo.DrainAsync();
            (await ReadinessAsync(silo)).ShouldBe((HttpStatusCode.ServiceUnavailable, "the server is shutting down\n"), "at once, and calls are still taken");
            (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancelled)).Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
            (await drained).ShouldBeTrue("every step was done");
        }

        await silo.DisposeAsync();
        await using SiloServer next = await SiloServer.StartAsync(Options(), Cancelled);
        (await ListAsync(next, "partitions")).Sum(partition => partition!["durable"]!.GetValue<long>() + 1).ShouldBe(100, "two entities take each event");
        await ShouldAnswerAsync(next, pushed.Token);
    }

    [Fact]
    public async Task A_length_that_reaches_beyond_its_message_is_refused_before_it_is_parsed()
    {
        await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);

        // A GetStatusRequest's unknown field 15 of 2^31 - 2 bytes, in a message of eight.
        byte[] message = [0x7A, 0xFE, 0xFF, 0xFF, 0xFF, 0x07, 0x00, 0x00];
        using var call = new HttpRequestMessage(HttpMethod.Post, new Uri(silo.GrpcAddress, $"/{AdminService.Descriptor.FullName}/GetStatus"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, (byte)message.Length, .. message]),
        };
        call.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        call.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using HttpResponseMessage answer = await _http.SendAsync(call, Cancelled);
        await answer.Content.ReadAsByteArrayAsync(Cancelled);
        HttpHeaders said = answer.Headers.Contains("grpc-status") ? answer.Headers : answer.TrailingHeaders;
        said.GetValues("grpc-status").ShouldBe(["13"]);
        Uri.UnescapeDataString(said.GetValues("grpc-message").Single()).ShouldContain("no field that fits in it");
    }

    [Fact]
    public async Task What_grains_keep_rarely_has_versions_and_only_the_newest_can_be_replaced()
    {
        await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);
        IGrainStorage storage = silo.Services.GetRequiredKeyedService<IGrainStorage>("rare");
        GrainId grain = GrainId.Create("probe", "one");
        var mine = new GrainState<RetentionTotals>(Dropped(1));
        await storage.WriteStateAsync("state", grain, mine);
        var theirs = new GrainState<RetentionTotals>(new RetentionTotals());
        await storage.ReadStateAsync("state", grain, theirs);
        (theirs.State, theirs.RecordExists).ShouldBe((Dropped(1), true));
        theirs.State = Dropped(2);
        await storage.WriteStateAsync("state", grain, theirs);
        mine.State = Dropped(3);
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", grain, mine));
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("state", grain, new GrainState<RetentionTotals>(Dropped(4))));
        await storage.ReadStateAsync("state", grain, mine);
        mine.State.ShouldBe(Dropped(2), "what was refused changed nothing");
        await storage.ClearStateAsync("state", grain, theirs);
        await storage.ReadStateAsync("state", grain, mine);
        mine.RecordExists.ShouldBeFalse();
        mine.State = Dropped(5);
        await storage.WriteStateAsync("state", grain, mine);
        await storage.ReadStateAsync("state", grain, theirs);
        theirs.State.ShouldBe(Dropped(5));

        static RetentionTotals Dropped(long records) => new() { RecordsDropped = records };
    }

    [Fact]
    public async Task What_keeps_a_silo_from_starting_is_said_and_its_password_is_not()
    {
        SiloStartException redis = await Should.ThrowAsync<SiloStartException>(() => SiloServer.StartAsync(Options() with { Redis = $"127.0.0.1:{RedisServer.FreePort()},password=secret-word,connectTimeout=500,connectRetry=1" }, Cancelled));
        redis.Unreachable.ShouldBeTrue();
        redis.Message.ShouldContain("Redis at");
        redis.Message.ShouldNotContain("secret-word");
        PostgresStoreException postgres = await Should.ThrowAsync<PostgresStoreException>(() => SiloServer.StartAsync(Options() with { Postgres = $"Host=127.0.0.1;Port={RedisServer.FreePort()};Username=me;Password=secret-word;Database=none" }, Cancelled));
        postgres.Message.ShouldNotContain("secret-word");
        await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);
        SiloStartException port = await Should.ThrowAsync<SiloStartException>(() => SiloServer.StartAsync(Options() with { SiloPort = silo.SiloAddress.Port }, Cancelled));
        port.Message.ShouldContain("choose another port with --silo-port");
        (await Should.ThrowAsync<PostgresStoreException>(() => SiloServer.StartAsync(Options() with { Partitions = 16 }, Cancelled))).Message.ShouldContain("8 partitions");
    }

    [Fact]
    public async Task Wrong_definitions_are_refused_before_the_silo_is_a_member()
    {
        string folder = Directory.CreateTempSubdirectory("orleans-features-definitions-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "wrong.yaml"), """
                apiVersion: orleansfeatures/v1
                streams:
                  - {name: visits, version: 1, event_id: missing, event_time: at, fields: {at: timestamp}}
                """, Cancelled);
            SiloStartException refusal = await Should.ThrowAsync<SiloStartException>(() => SiloServer.StartAsync(Options() with { DefinitionsDirectory = folder }, Cancelled));
            refusal.Message.ShouldContain("stream 'visits' has no field 'missing'");
            await using SiloServer silo = await SiloServer.StartAsync(Options(), Cancelled);
            (await ListAsync(silo, "silos")).Count.ShouldBe(1, "the refused one has not been there");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private SiloOptions Options() => new()
    {
        Postgres = _database,
        Redis = _redis!.Configuration,
        ClusterId = $"test-{_postgres!.Port}",
        SiloPort = RedisServer.FreePort(),
        GrpcPort = 0,
        HttpPort = 0,
        Partitions = 8,
        DefinitionsDirectory = Path.Combine(AppContext.BaseDirectory, "definitions", "fraud"),
        LeaveGrace = TimeSpan.Zero,
        Also = TestGrains.LeaveOut,
    };

    private async Task<(HttpStatusCode Status, string Text)> ReadinessAsync(SiloServer silo)
    {
        using HttpResponseMessage answer = await _http.GetAsync(new Uri(silo.HttpAddress, "/readyz"), Cancelled);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled));
    }

    private async Task<JsonArray> ListAsync(SiloServer silo, string list) =>
        JsonNode.Parse(await _http.GetStringAsync(new Uri(silo.HttpAddress, $"/cluster/v1/{list}"), Cancelled))![list]!.AsArray();

    /// <summary>Customer 7 has made all fifty transactions, one a second.</summary>
    private static async Task ShouldAnswerAsync(SiloServer silo, ConsistencyToken token)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(silo.GrpcAddress);
        var request = new GetFeaturesRequest { What = new FeatureSelection { FeatureService = "fraud" }, MinToken = token, MaxWaitMs = 30_000, AsOfMicros = { FirstMicros + 100_000_000 } };
        request.Keys.Add(new KeyColumn { Field = "customer_id", Int64S = { 7 } });
        request.Keys.Add(new KeyColumn { Field = "terminal_id", Int64S = { 3 } });
        GetFeaturesResponse answer = await new FeatureService.FeatureServiceClient(channel).GetFeaturesAsync(request, cancellationToken: Cancelled);
        answer.States.Single(state => state.Entity == "customer").StateVersion.ShouldBeGreaterThan(0UL);
        answer.Rows.Int64S[(int)answer.Columns.Single(column => column.Name == "customer_spend:nb_tx_1d").LaneIndex].ShouldBe(50);
    }

    private const long FirstMicros = 1_522_540_800_000_000;

    private static PushRequest Transactions(int events)
    {
        int[] ids = [.. Enumerable.Range(0, events)];
        var request = new PushRequest { Stream = "transactions", Columns = new ColumnEvents { Count = (uint)events } };
        request.FieldNames.AddRange(["tx_id", "tx_time", "customer_id", "terminal_id", "amount", "fraud"]);
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)id) } });
        request.Columns.Columns.Add(new Column { TimestampsMicros = { ids.Select(id => FirstMicros + (id * 1_000_000L)) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(_ => 7L) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)(id % 5)) } });
        request.Columns.Columns.Add(new Column { Doubles = { ids.Select(id => id / 4.0) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)(id % 2)) } });
        return request;
    }
}
