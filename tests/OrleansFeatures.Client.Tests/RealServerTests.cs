using Grpc.Core;
using OrleansFeatures.Client.Pushing;
using OrleansFeatures.Client.Vectors;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Tests;

/// <summary>The client against the real server, in this process, over loopback.</summary>
public sealed class RealServerTests : IAsyncLifetime
{
    private const string Definitions = """
        apiVersion: orleansfeatures/v1
        streams:
          - name: payments
            version: 1
            event_id: id
            event_time: at
            fields: {id: int64, at: timestamp, card: string, amount: double, shop: string}
        entities:
          - {name: card, key: [card]}
        feature_views:
          - name: spend
            version: 1
            entity: card
            stream: payments
            features:
              - {name: n_1d, aggregate: count, window: 1d}
              - {name: mean_1d, aggregate: mean(amount), window: 1d}
              - {name: last_shop, aggregate: last(shop), window: 1d}
              - {name: last3, aggregate: "last_n(amount, 3)", window: 1d}
              - {name: by_shop, aggregate: count, window: 1d, by: shop}
              - {name: idle, aggregate: time_since_last, window: 1d}
        feature_services:
          - {name: risk, version: 1, features: ["spend:n_1d", "spend:mean_1d"]}
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("client-tests-").FullName;
    private EmbeddedServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "definitions"));
        await File.WriteAllTextAsync(Path.Combine(_directory, "definitions", "payments.yaml"), Definitions);
        _server = await EmbeddedServer.StartAsync(new ServeOptions(Path.Combine(_directory, "data"), Path.Combine(_directory, "definitions"), 0, 0), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task What_was_pushed_is_read_by_name_and_kind()
    {
        using FeatureStoreClient client = Client();
        DateTimeOffset at = DateTimeOffset.UnixEpoch.AddYears(50);
        PushResponse pushed = await client.PushAsync(Payments().Add(1, at, "4711", 10.0, "baker").Add(2, at.AddSeconds(5), "4711", 20.0, null), TestContext.Current.CancellationToken);
        pushed.Accepted.ShouldBe(2ul);

        FeatureVector vector = (await client.GetAsync(FeatureQuery.Features("spend:*").Row(("card", "4711")).AsOf(at.AddSeconds(5)), TestContext.Current.CancellationToken))[0];

        vector.Row.ShouldBe(RowStatus.Ok);
        vector.Int64("spend:n_1d").ShouldBe(2);
        vector.Double("spend:n_1d").ShouldBe(2);
        vector.Double("spend:mean_1d").ShouldBe(15);
        vector.Text("spend:last_shop").ShouldBe("baker");
        vector.List("spend:last3")!.Select(value => value.Double).ShouldBe([10.0, 20.0], ignoreOrder: true);
        vector.Map("spend:by_shop")!.Keys.Select(key => key.String).ShouldBe(["baker"]);
        vector.States.Single().StateVersion.ShouldBeGreaterThan(0ul);
        Should.Throw<InvalidOperationException>(() => vector.Text("spend:n_1d")).Message.ShouldContain("not a String");
        Should.Throw<KeyNotFoundException>(() => vector.Int64("spend:n_2d")).Message.ShouldContain("spend:n_1d");
    }

    [Fact]
    public async Task A_missing_value_is_null_and_never_zero()
    {
        using FeatureStoreClient client = Client();
        FeatureVectors answer = await client.GetAsync(FeatureQuery.Service("risk").Row(("card", "nobody")), TestContext.Current.CancellationToken);
        answer[0].Int64("spend:n_1d").ShouldBe(0, "an empty window counts zero");
        answer[0].Double("spend:mean_1d").ShouldBeNull();
        answer[0].StatusOf("spend:mean_1d").ShouldBe(FeatureStatus.NotFound);
        var numbers = new double[2];
        answer[0].CopyTo(numbers, missing: -1);
        numbers.ShouldBe([0, -1]);
    }

    [Fact]
    public async Task A_client_reads_what_it_wrote_and_hands_that_on()
    {
        using FeatureStoreClient writer = Client();
        using FeatureStoreClient reader = Client();
        DateTimeOffset at = DateTimeOffset.UnixEpoch.AddYears(51);
        for (int number = 1; number <= 200; number++)
        {
            await writer.PushAsync(Payments().Add(number, at.AddSeconds(number), "4712", 1.0, "baker"), TestContext.Current.CancellationToken);
            FeatureStoreClient asked = number % 2 == 0 ? writer : reader;
            reader.Observe(writer.Token!);
            FeatureVectors answer = await asked.GetAsync(FeatureQuery.Service("risk").Row(("card", "4712")).AsOf(at.AddSeconds(number)), TestContext.Current.CancellationToken);
            answer[0].Int64("spend:n_1d").ShouldBe(number);
        }
    }

    [Fact]
    public async Task An_observed_event_answers_the_same_when_it_is_repeated()
    {
        using FeatureStoreClient client = Client();
        var request = new ObserveAndGetRequest
        {
            Stream = "payments",
            FieldNames = { "id", "at", "card", "amount" },
            Event = Payments("id", "at", "card", "amount").Add(1, DateTimeOffset.UnixEpoch.AddYears(52), "4713", 8.0).Request.Rows.Rows[0],
            What = new FeatureSelection { FeatureService = "risk" },
        };

        Observed first = await client.ObserveAndGetAsync(request, TestContext.Current.CancellationToken);
        Observed again = await client.ObserveAndGetAsync(request, TestContext.Current.CancellationToken);

        (first.Result, again.Result).ShouldBe((EventResult.Accepted, EventResult.Duplicate));
        again.Vector!.Value.Double("spend:mean_1d").ShouldBe(8);
        first.Vector!.Value.Double("spend:mean_1d").ShouldBe(8);
    }

    [Fact]
    public async Task A_stream_of_batches_is_counted_exactly()
    {
        using FeatureStoreClient client = Client();
        DateTimeOffset at = DateTimeOffset.UnixEpoch.AddYears(53);
        await using (EventStream stream = client.OpenEventStream(TestContext.Current.CancellationToken))
        {
            // Every event twice: over one stream, in different batches.
            await Task.WhenAll(Enumerable.Range(0, 100).Select(batch => stream.PushAsync(BatchOf(batch % 50, at), TestContext.Current.CancellationToken)));
        }

        FeatureVectors answer = await client.GetAsync(FeatureQuery.Service("risk").Row(("card", "4714")).AsOf(at.AddHours(1)), TestContext.Current.CancellationToken);
        answer[0].Int64("spend:n_1d").ShouldBe(50 * 20);
    }

    [Fact]
    public async Task A_refusal_names_field_and_fix()
    {
        using FeatureStoreClient client = Client();
        RpcException refusal = await Should.ThrowAsync<RpcException>(() => client.GetAsync(FeatureQuery.Service("risc").Row(("card", "1")), TestContext.Current.CancellationToken));
        refusal.StatusCode.ShouldBe(StatusCode.NotFound);
        refusal.Status.Detail.ShouldContain("risk");
    }

    [Fact]
    public void Rows_of_a_query_have_the_same_fields()
    {
        FeatureQuery query = FeatureQuery.Service("risk").Row(("a", 1), ("b", "x"));
        Should.Throw<ArgumentException>(() => query.Row(("a", 1))).Message.ShouldContain("row 1");
        Should.Throw<ArgumentException>(() => FeatureQuery.Service("s").Row(("a", 1)).Row(("a", "one"))).Message.ShouldContain("text");
        Should.Throw<ArgumentException>(() => FeatureQuery.Service("s").Row(("a", 1)).Row(("b", 1))).Message.ShouldContain("'b'");
    }

    private static PushRequest BatchOf(int batch, DateTimeOffset at)
    {
        EventRows events = Payments();
        for (int number = 0; number < 20; number++)
        {
            events.Add((batch * 20) + number, at.AddMilliseconds((batch * 20) + number), "4714", 1.5, "baker");
        }

        return events.Request;
    }

    private static EventRows Payments(params string[] fields) => new("payments", fields.Length > 0 ? fields : ["id", "at", "card", "amount", "shop"]);

    private FeatureStoreClient Client() => new(new FeatureStoreClientOptions { Servers = [_server.GrpcAddress], Timeout = TimeSpan.FromSeconds(30), HedgeAfter = TimeSpan.FromMilliseconds(50) });
}
