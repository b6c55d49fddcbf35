using OrleansFeatures.Conformance;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Operations;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Serving;

/// <summary>Predictions served by one silo, changed by events that another one took, watched by a third: silos with their gateways over one PostgreSQL.</summary>
public sealed class AmendmentTests
{
    private const int Users = 12;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_late_event_at_one_silo_amends_what_another_served_and_every_silo_tells_it_once()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(3);
        SiloClient watcher = await silos.WatcherAsync();
        SiloClient[] others = [.. silos.All.Except([watcher])];
        await AskAsync(others[0], "p", "ada", await others[0].PushAsync(Clicks.Row(1, 1, amount: 5)));
        await others[1].PushAsync(Clicks.Row(2, 9, amount: 7));
        AmendmentReader[] readers = [.. silos.All.Select(silo => new AmendmentReader().At(silo))];
        foreach (AmendmentReader reader in readers)
        {
            List<Amendment> amendments = await reader.UntilAsync(read => read.Count > 0, "the first amendment");
            (amendments[0].Sequence, amendments[0].PredictionId).ShouldBe((1ul, "p"));
            ShouldTell(amendments[0], ("user_stats:n", Clicks.Of(1), Clicks.Of(2)), ("user_stats:total", Clicks.Of(5.0), Clicks.Of(12.0)));
        }

        // The next amendment is another's: there was one of the first.
        await AskAsync(others[1], "q", "bob", null);
        await others[0].PushAsync(Clicks.Row(3, 4, "bob", amount: 1));
        foreach (AmendmentReader reader in readers)
        {
            List<Amendment> amendments = await reader.UntilAsync(read => read.Count > 1, "the second amendment");
            amendments.Select(amendment => (amendment.Sequence, amendment.PredictionId)).ShouldBe([(1ul, "p"), (2ul, "q")]);
            reader.Dispose();
        }

        using var http = new HttpClient();
        IReadOnlyDictionary<string, double> metrics = MetricsTextTests.ShouldParse(await http.GetStringAsync(new Uri(watcher.Http, "/metrics"), Cancelled));
        metrics["orleansfeatures_predictions_total"].ShouldBeGreaterThanOrEqualTo(2);
        metrics["orleansfeatures_amendments_total"].ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task The_turn_goes_on_when_its_silo_leaves()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(2);
        SiloClient watcher = await silos.WatcherAsync();
        SiloClient other = silos.All.Except([watcher]).Single();
        await AskAsync(watcher, "p", "ada", await other.PushAsync(Clicks.Row(1, 1, amount: 5)));
        using AmendmentReader reader = new AmendmentReader().At(watcher);
        await other.PushAsync(Clicks.Row(2, 9, amount: 7));
        await reader.UntilAsync(read => read.Count > 0, "the first amendment");
        await silos.LeaveAsync(watcher.Name);
        await other.PushAsync(Clicks.Row(3, 8, amount: 1));
        List<Amendment> amendments = await reader.At(other).UntilAsync(read => read.Count > 1, "the second amendment");
        amendments.Select(amendment => amendment.Sequence).ShouldBe([1ul, 2ul]);
        ShouldTell(amendments[1], ("user_stats:n", Clicks.Of(2), Clicks.Of(3)), ("user_stats:total", Clicks.Of(12.0), Clicks.Of(13.0)));
        (await silos.WatcherAsync()).ShouldBe(other);
    }

    [Fact]
    public async Task Every_amendment_is_told_once_though_the_silo_that_has_the_turn_is_killed()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(0);
        SiloClient killed = await silos.AddProcessAsync("killed");
        SiloClient first = await silos.AddAsync("first");
        SiloClient second = await silos.AddAsync("second");
        (await silos.WatcherAsync()).ShouldBe(killed, "whoever comes first has the turn");
        ConsistencyToken token = await first.PushAsync([.. UsersOf(Clicks.Row, firstId: 1, second: 1)]);
        for (int user = 0; user < Users; user++)
        {
            await AskAsync(user % 2 == 0 ? first : second, NameOf(user), NameOf(user), token);
        }

        // Each user has a late event before, while and after the silo is killed.
        using AmendmentReader reader = new AmendmentReader().At(killed);
        await killed.PushAsync([.. UsersOf(Clicks.Row, firstId: 101, second: 2)]);
        await reader.UntilAsync(read => read.Count > 0, "an amendment before the silo is killed");
        Task during = second.PushAsync([.. UsersOf(Clicks.Row, firstId: 201, second: 3)]);
        await silos.KillAsync(killed.Name);
        await during;
        reader.At(first);
        await first.PushAsync([.. UsersOf(Clicks.Row, firstId: 301, second: 4)]);
        List<Amendment> amendments = await reader.UntilAsync(read => Believed(read).Values.Count(count => count == 4) == Users, "everybody is told of four events");
        amendments.Select(amendment => amendment.Sequence).ShouldBe(Enumerable.Range(1, amendments.Count).Select(number => (ulong)number), "none is missing, and none came twice");
        foreach (IGrouping<string, Amendment> prediction in amendments.GroupBy(amendment => amendment.PredictionId))
        {
            long believed = 1;
            foreach (AmendedFeature count in prediction.SelectMany(amendment => amendment.Features).Where(feature => feature.Name == "user_stats:n"))
            {
                count.Was.Scalar.Int64.ShouldBe(believed, $"{prediction.Key}: each begins where the one before it ended");
                count.Is.Scalar.Int64.ShouldBeGreaterThan(believed, prediction.Key);
                believed = count.Is.Scalar.Int64;
            }
        }

        (await silos.WatcherAsync()).Name.ShouldBeOneOf(first.Name, second.Name);
    }

    [Fact]
    public async Task Two_silos_that_both_believe_to_have_the_turn_tell_nothing_twice()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(2);
        SiloClient before = await silos.WatcherAsync();
        SiloClient other = silos.All.Except([before]).Single();
        ConsistencyToken token = await other.PushAsync([.. UsersOf(Clicks.Row, firstId: 1, second: 1)]);
        for (int user = 0; user < Users; user++)
        {
            await AskAsync(before, NameOf(user), NameOf(user), token);
        }

        using AmendmentReader reader = new AmendmentReader().At(before);
        await other.PushAsync([.. UsersOf(Clicks.Row, firstId: 101, second: 2)]);
        await reader.UntilAsync(read => Believed(read).Values.Count(count => count == 2) == Users, "everybody is told of two events");
        await silos.BreakTurnAsync();
        (await silos.WatcherAsync()).ShouldBe(other, "the one that lost it has not noticed");
        await other.PushAsync([.. UsersOf(Clicks.Row, firstId: 201, second: 3)]);
        List<Amendment> amendments = await reader.UntilAsync(read => Believed(read).Values.Count(count => count == 3) == Users, "everybody is told of three events");
        amendments.Select(amendment => amendment.Sequence).ShouldBe(Enumerable.Range(1, 2 * Users).Select(number => (ulong)number));
        amendments.Select(amendment => (amendment.PredictionId, amendment.Features.Single(feature => feature.Name == "user_stats:n").Is.Scalar.Int64)).Distinct().Count().ShouldBe(2 * Users);
    }

    [Fact]
    public async Task A_silo_that_has_not_heard_of_new_definitions_retires_nothing_that_was_served_by_them()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(2);
        SiloClient stale = await silos.WatcherAsync();
        SiloClient other = silos.All.Except([stale]).Single();
        using var hears = new ManualResetEventSlim();
        IClusterDefinitions definitions = silos.Of<IClusterDefinitions>(stale);
        Action<ClusterDefinitions>? taken = definitions.Taken;
        definitions.Taken = newer =>
        {
            hears.Wait(Cancelled);
            taken?.Invoke(newer);
        };
        try
        {
            var files = new ApplyRequest { Files = { new DefinitionFile { Name = "everything.yaml", Content = Definitions.Everything }, new DefinitionFile { Name = "visits.yaml", Content = Visits } } };
            Task applied = other.Registry.ApplyAsync(files, cancellationToken: Cancelled).ResponseAsync;
            IEntityHost host = silos.Of<IEntityHost>(other);
            await Eventually.Is(() => host.Catalog.Entity("visitor") is not null, "the silo that applies definitions has them");

            // Served, and changed, where the definitions are known; the other silo has the turn, and does not know what was served.
            string visitor = Enumerable.Range(0, 100).Select(NameOf).First(name => silos.IsPlannedAt(other, host.Partitions.Of(host.Catalog.Entity("visitor")!, HostCalls.KeyOf(name))));
            var request = new GetFeaturesRequest { What = Clicks.List("visitor_stats:n"), Keys = { Clicks.Keys("visitor", visitor) }, AsOfMicros = { Clicks.Midnight + (10 * Clicks.Second) }, PredictionIds = { "v" } };
            await other.Features.GetFeaturesAsync(request, cancellationToken: Cancelled);
            var visit = new EventRow { Values = { Clicks.Of(1), Clicks.At(Clicks.Midnight + Clicks.Second), Clicks.Of(visitor) } };
            await other.Ingest.PushAsync(new PushRequest { Stream = "visits", Rows = new RowEvents { Rows = { visit } } }, cancellationToken: Cancelled);
            using AmendmentReader reader = new AmendmentReader().At(other);
            List<Amendment> amendments = await reader.UntilAsync(read => read.Count > 0, "whoever knows the definitions has taken the turn over");
            amendments[0].PredictionId.ShouldBe("v");
            ShouldTell(amendments[0], ("visitor_stats:n", Clicks.Of(0), Clicks.Of(1)));
            hears.Set();
            await applied;
        }
        finally
        {
            hears.Set();
        }
    }

    /// <summary>A stream of one entity type.</summary>
    private const string Visits = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: visits, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp, visitor: string}}
        entities:
          - {name: visitor, key: [visitor]}
        feature_views:
          - {name: visitor_stats, version: 1, entity: visitor, stream: visits, features: [{name: n, aggregate: count, window: 1d}]}
        """;

    /// <summary>What a listener believes of each prediction's count.</summary>
    private static Dictionary<string, long> Believed(IEnumerable<Amendment> read) => read
        .SelectMany(amendment => amendment.Features.Where(feature => feature.Name == "user_stats:n").Select(feature => (amendment.PredictionId, feature.Is.Scalar.Int64)))
        .GroupBy(told => told.PredictionId).ToDictionary(told => told.Key, told => told.Last().Int64);

    private static string NameOf(int user) => $"user{user}";

    private static IEnumerable<EventRow> UsersOf(Func<long, long, string, long, double, long, EventRow> row, long firstId, long second) =>
        Enumerable.Range(0, Users).Select(user => row(firstId + user, second, NameOf(user), 1, 1, 1));

    private static void ShouldTell(Amendment amendment, params (string Name, Value Was, Value Now)[] features) => amendment.Features.Select(feature => (feature.Name, feature.Was.Scalar, feature.Is.Scalar)).ShouldBe(features);

    private static async Task AskAsync(SiloClient silo, string id, string user, ConsistencyToken? token)
    {
        GetFeaturesRequest request = Clicks.Ask(user, 10, token, "user_stats:n", "user_stats:total");
        request.PredictionIds.Add(id);
        await silo.Features.GetFeaturesAsync(request, cancellationToken: Cancelled);
    }
}
