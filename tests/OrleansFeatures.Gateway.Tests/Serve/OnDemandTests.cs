using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class OnDemandTests
{
    private static readonly string Yaml = Definitions.Everything.Replace(
        "feature_services:\n",
        """
        on_demand:
          - {name: ratio, type: double, expr: request.amount / user_stats.mean}
          - {name: crowd, type: int64, expr: user_stats.n + shop_stats.users}
          - {name: same_note, type: bool, expr: "request.note == user_stats.note", request: {note: string}}
        feature_services:
          - {name: online, version: 1, features: ["user_stats:n", ratio, crowd]}

        """,
        StringComparison.Ordinal);

    [Fact]
    public async Task A_value_is_computed_for_each_row_from_its_own_context_and_stands_in_its_lane()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        ConsistencyToken token = await GetFeaturesTests.PushFullRowsAsync(store);
        GetFeaturesResponse response = await store.Features.GetFeaturesAsync(Online(token, 2, Doubles("amount", 4.5, 9)), cancellationToken: RunningStore.Cancelled);
        response.Columns.Select(column => (column.Name, column.Lane, column.LaneIndex)).ShouldBe([("user_stats:n", Lane.Int64, 0u), ("ratio", Lane.Double, 0u), ("crowd", Lane.Int64, 1u)]);
        response.Rows.Int64S.ShouldBe([2, 3, 2, 3]);
        response.Rows.Doubles.ShouldBe([2, 4]);
        response.Rows.Statuses.ShouldBeEmpty();
        response.States.Select(state => state.Entity).ShouldBe(["user", "shop", "user", "shop"], "the shop is read although no feature of it is answered");
    }

    [Fact]
    public async Task One_value_of_context_is_for_all_rows_and_null_makes_null()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        ConsistencyToken token = await GetFeaturesTests.PushFullRowsAsync(store);
        (await store.Features.GetFeaturesAsync(Online(token, 2, Doubles("amount", 4.5)), cancellationToken: RunningStore.Cancelled)).Rows.Doubles.ShouldBe([2, 2]);
        ContextColumn second = Doubles("amount", 4.5, 0);
        second.Values.Nulls = ByteString.CopyFrom(0b10);
        FeatureRows rows = (await store.Features.GetFeaturesAsync(Online(token, 2, second), cancellationToken: RunningStore.Cancelled)).Rows;
        rows.Doubles.ShouldBe([2, 0]);
        ((FeatureStatus)rows.Statuses[4]).ShouldBe(FeatureStatus.NullValue);
    }

    [Fact]
    public async Task An_entity_that_was_never_seen_says_so_for_what_is_computed_from_it()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        var request = new GetFeaturesRequest { What = Clicks.List("ratio"), Keys = { Clicks.Keys("user", "nobody") }, Context = { Doubles("amount", 1) } };
        (await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled)).Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.NotFound]);
    }

    [Fact]
    public async Task Context_that_is_missing_unknown_or_of_another_type_is_refused_with_its_place()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        (await RefusedAsync(store, "ratio")).ShouldBe("context.amount: explicit list needs the field 'amount' of the request; give amount (double); null where there is no value");
        (await RefusedAsync(store, "ratio", Doubles("amuont", 1))).ShouldBe("context.amuont: explicit list takes no field 'amuont' of the request; did you mean 'amount'?");
        (await RefusedAsync(store, "user_stats:n", Doubles("amount", 1))).ShouldBe("context.amount: explicit list takes no field 'amount' of the request; leave it out: nothing of this selection is computed with the request");
        (await RefusedAsync(store, "ratio", Texts("amount", "much"))).ShouldBe("context.amount: row 0: 'much' is not a double; send a number");
        (await RefusedAsync(store, "ratio", Doubles("amount", double.NaN))).ShouldStartWith("context.amount: row 0: the value is not possible");
        (await RefusedAsync(store, "ratio", Doubles("amount", 1, 2))).ShouldBe("context.amount: 2 values for 1 rows; give one value for all rows, or one per row");
        (await RefusedAsync(store, "ratio", Doubles("amount", 1), Doubles("amount", 1))).ShouldStartWith("context.amount: the field is given twice");
        (await RefusedAsync(store, "ratio", Doubles("amount"))).ShouldStartWith("context.amount: there is no value");
        (await RefusedAsync(store, "same_note", Doubles("note", 1))).ShouldBe("context.note: row 0: 1 is not a string; send text");
    }

    [Fact]
    public async Task Numbers_are_taken_where_their_meaning_is_plain()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        ConsistencyToken token = await GetFeaturesTests.PushFullRowsAsync(store);
        (await store.Features.GetFeaturesAsync(Online(token, 1, Texts("amount", "4.5")), cancellationToken: RunningStore.Cancelled)).Rows.Doubles.ShouldBe([2]);
        var whole = new ContextColumn { Field = "amount", Values = new Column { Int64S = { 9 } } };
        (await store.Features.GetFeaturesAsync(Online(token, 1, whole), cancellationToken: RunningStore.Cancelled)).Rows.Doubles.ShouldBe([4]);
    }

    [Fact]
    public async Task ObserveAndGet_computes_with_its_context_and_changes_nothing_without_it()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        var request = new ObserveAndGetRequest { Stream = "clicks", Event = Clicks.Row(1, 1, amount: 2), What = Clicks.List("ratio") };
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled));
        refused.Status.Detail.ShouldStartWith("context.amount: explicit list needs");
        request.Context.Add(Doubles("amount", 3));
        ObserveAndGetResponse response = await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Result.ShouldBe(EventResult.Accepted, "the refused call appended nothing");
        response.Features.Rows.Doubles.ShouldBe([1.5]);
    }

    [Fact]
    public async Task Training_rows_are_what_serving_answered_at_the_time()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        const int Seed = 20;
        var random = new Random(Seed);
        var served = new List<FeatureRows>();
        var training = new TrainingRequest { What = Clicks.Service("online") };
        training.Keys.AddRange([new KeyColumn { Field = "user" }, new KeyColumn { Field = "shop" }]);
        training.Context.Add(new ContextColumn { Field = "amount", Values = new Column() });
        for (int index = 0; index < 200; index++)
        {
            string user = $"u{random.Next(5)}";
            double amount = random.Next(-3, 4);
            var observe = new ObserveAndGetRequest
            {
                Stream = "clicks", Event = Clicks.Row(index, index * 3_600, user, shop: random.Next(2), amount: random.Next(-1, 3)), What = Clicks.Service("online"), Context = { Doubles("amount", amount) },
            };
            served.Add((await store.Features.ObserveAndGetAsync(observe, cancellationToken: RunningStore.Cancelled)).Features.Rows);
            training.Keys[0].Strings.Add(user);
            training.Keys[1].Strings.Add(observe.Event.Values[3].Int64.ToString(System.Globalization.CultureInfo.InvariantCulture));
            training.AsOfMicros.Add(observe.Event.Values[1].TimestampMicros);
            training.Context[0].Values.Doubles.Add(amount);
        }

        FeatureRows trained = await TrainAsync(store, training);
        trained.Doubles.ShouldBe(served.SelectMany(rows => rows.Doubles), $"seed {Seed}");
        trained.Int64S.ShouldBe(served.SelectMany(rows => rows.Int64S), $"seed {Seed}");
        trained.Statuses.ToByteArray().ShouldBe(served.SelectMany(rows => rows.Statuses.IsEmpty ? Enumerable.Repeat((byte)FeatureStatus.Present, 3) : rows.Statuses.ToByteArray()), $"seed {Seed}");
        trained.Statuses.ToByteArray().ShouldContain((byte)FeatureStatus.NullValue, "some means are zero");
    }

    [Fact]
    public async Task An_expired_feature_is_null_to_an_expression_that_has_an_answer_to_that_and_its_explanation_agrees()
    {
        string yaml = Yaml
            .Replace("entity: user\n    stream: clicks\n", "entity: user\n    stream: clicks\n    ttl: 1h\n", StringComparison.Ordinal)
            .Replace("on_demand:\n", "on_demand:\n  - {name: guarded, type: double, expr: \"has(user_stats.mean) ? request.amount / user_stats.mean : 1\"}\n", StringComparison.Ordinal);
        await using RunningStore store = await RunningStore.StartAsync(yaml);
        ConsistencyToken token = await GetFeaturesTests.PushFullRowsAsync(store);
        GetFeaturesRequest request = Clicks.Ask("ada", 3_700, token, "user_stats:mean", "ratio", "guarded");
        request.Context.Add(Doubles("amount", 4.5));
        FeatureRows rows = (await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled)).Rows;
        rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.OutsideMaxAge, (byte)FeatureStatus.OutsideMaxAge, (byte)FeatureStatus.Present]);
        rows.Doubles.ShouldBe([0, 0, 1]);
        var why = new ExplainRequest { Feature = "guarded", Keys = { request.Keys }, AsOfMicros = request.AsOfMicros[0], Context = { request.Context } };
        ExplainResponse explained = await store.Features.ExplainAsync(why, cancellationToken: RunningStore.Cancelled);
        (explained.Features[0].Agreement, explained.Features[1].Agreement).ShouldBe((Agreement.Agrees, Agreement.NotComparable));
    }

    [Fact]
    public async Task Rest_takes_context_for_all_rows_or_one_object_for_each()
    {
        await using RunningStore store = await RunningStore.StartAsync(Yaml);
        await GetFeaturesTests.PushFullRowsAsync(store);
        const string Entities = """{"entities":[{"user":"ada","shop":1},{"user":"bob","shop":1}],"as_of":"stream" """;
        JsonElement all = await PostAsync(store, Entities + ""","context":{"amount":4.5}}""", HttpStatusCode.OK);
        all.GetProperty("rows")[0].GetProperty("features").GetRawText().ShouldBe("""{"user_stats:n":2,"ratio":2,"crowd":3}""");
        all.GetProperty("rows")[1].GetProperty("statuses").GetRawText().ShouldBe("""{"ratio":"NOT_FOUND"}""");
        JsonElement each = await PostAsync(store, Entities + ""","context":[{"amount":"9"},{"amount":null}]}""", HttpStatusCode.OK);
        each.GetProperty("rows")[0].GetProperty("features").GetProperty("ratio").GetDouble().ShouldBe(4);
        (await PostAsync(store, Entities + """}""", HttpStatusCode.BadRequest)).GetProperty("field").GetString().ShouldBe("context.amount");
        (await PostAsync(store, Entities + ""","context":[{"amount":1},{}]}""", HttpStatusCode.BadRequest)).GetProperty("field").GetString().ShouldBe("context[1].amount");
        (await PostAsync(store, Entities + ""","context":{"amuont":1}}""", HttpStatusCode.BadRequest)).GetProperty("field").GetString().ShouldBe("context.amuont");
        (await PostAsync(store, Entities + ""","context":{"amount":[1]}}""", HttpStatusCode.BadRequest)).GetProperty("field").GetString().ShouldBe("context.amount");
    }

    private static GetFeaturesRequest Online(ConsistencyToken token, int rows, params ContextColumn[] context)
    {
        var request = new GetFeaturesRequest { What = Clicks.Service("online"), MinToken = token, AsOfStreamTime = true, Context = { context } };
        request.Keys.AddRange([Clicks.Keys("user", [.. Enumerable.Repeat("ada", rows)]), Clicks.Keys("shop", [.. Enumerable.Repeat(1L, rows)])]);
        return request;
    }

    private static ContextColumn Doubles(string field, params double[] values) => new() { Field = field, Values = new Column { Doubles = { values } } };

    private static ContextColumn Texts(string field, params string[] values) => new() { Field = field, Values = new Column { Strings = { values } } };

    private static async Task<string> RefusedAsync(RunningStore store, string feature, params ContextColumn[] context)
    {
        var request = new GetFeaturesRequest { What = Clicks.List(feature), Keys = { Clicks.Keys("user", "ada") }, Context = { context } };
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.InvalidArgument);
        return refused.Status.Detail;
    }

    private static async Task<FeatureRows> TrainAsync(RunningStore store, TrainingRequest request)
    {
        using var call = store.Features.GetTrainingFeatures(cancellationToken: RunningStore.Cancelled);
        await call.RequestStream.WriteAsync(request, RunningStore.Cancelled);
        await call.RequestStream.CompleteAsync();
        FeatureRows? rows = null;
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            rows = call.ResponseStream.Current.Rows ?? rows;
        }

        return rows.ShouldNotBeNull();
    }

    private static async Task<JsonElement> PostAsync(RunningStore store, string body, HttpStatusCode expected)
    {
        using var content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        using HttpResponseMessage response = await store.Http.PostAsync("/features/v1/online:get", content, RunningStore.Cancelled);
        string text = await response.Content.ReadAsStringAsync(RunningStore.Cancelled);
        response.StatusCode.ShouldBe(expected, text);
        return JsonDocument.Parse(text).RootElement.Clone();
    }
}
