using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.State;

public sealed class EventAgeTests
{
    private const long Minute = 60_000_000;
    private const long Hour = 60 * Minute;
    private const long Start = 1_000_000 * Minute;

    /// <summary>How far behind the newest event live state is exact.</summary>
    private const long History = Hour;

    private static readonly Value Key = Value.Of("ann");

    [Fact]
    public void Values_are_there_up_to_the_ttl_and_gone_after_it()
    {
        EventFeed feed = FeedOf(ttlMinutes: 90);
        Insert(feed, 1, Start);
        Status(feed, Start + (90 * Minute)).ShouldBe(FeatureStatus.Present);
        Status(feed, Start + (90 * Minute) + 1).ShouldBe(FeatureStatus.OutsideMaxAge);
        feed.Read("card", new EventTime(Start + (2 * Hour)), Key)["aging:or_zero"].Status.ShouldBe(FeatureStatus.OutsideMaxAge, "a default is no sign of life");
    }

    [Fact]
    public void What_the_filter_leaves_out_is_a_sign_of_life_and_an_entity_without_events_has_not_expired()
    {
        EventFeed feed = FeedOf(ttlMinutes: 90);
        Insert(feed, 1, Start);
        Insert(feed, 2, Start + Hour, amount: -1);
        Status(feed, Start + (2 * Hour)).ShouldBe(FeatureStatus.Present);
        Status(feed, Start - 1).ShouldBe(FeatureStatus.Present, "before the first event");
        feed.Send("payments", EventOperation.Delete, Start, Fields(2, Start + Hour, -1));
        Status(feed, Start + (2 * Hour)).ShouldBe(FeatureStatus.OutsideMaxAge, "it was taken back");
    }

    [Fact]
    public void An_event_that_the_view_refuses_for_its_lateness_is_no_sign_of_life()
    {
        EventFeed feed = FeedOf(ttlMinutes: 30, lateness: new Duration(10 * Minute));
        feed.Send("payments", EventOperation.Insert, Start, [Value.Of(9L), Value.Of(new EventTime(Start + Hour)), Value.Of("bob"), Value.Of(1.0)]);
        Insert(feed, 1, Start - Hour);
        Insert(feed, 2, Start + (55 * Minute));
        Status(feed, Start - Hour).ShouldBe(FeatureStatus.Present, "no event that counts, which is not an old one");
        Insert(feed, 3, Start);
        Status(feed, Start + (80 * Minute)).ShouldBe(FeatureStatus.Present);
        Status(feed, Start + (86 * Minute)).ShouldBe(FeatureStatus.OutsideMaxAge);
    }

    [Fact]
    public void An_event_whose_window_has_long_left_still_tells_the_age()
    {
        EventFeed feed = FeedOf(ttlMinutes: 60 * 24 * 30);
        Insert(feed, 1, Start);
        for (int index = 0; index < 200; index++)
        {
            Insert(feed, 2 + index, Start + (100 * Hour) + index);
        }

        Status(feed, Start + (100 * Hour) - 1).ShouldBe(FeatureStatus.Present, "the window is an hour, the ttl a month");
        FeedStatus(FeedOf(ttlMinutes: 60), Start + (100 * Hour) - 1).ShouldBe(FeatureStatus.OutsideMaxAge);

        static FeatureStatus FeedStatus(EventFeed feed, long asOf)
        {
            Insert(feed, 1, Start);
            Enumerable.Range(0, 200).ToList().ForEach(index => Insert(feed, 2 + index, Start + (100 * Hour) + index));
            return Status(feed, asOf);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Expiry_is_what_a_naive_look_at_all_events_says(bool forgets)
    {
        for (int seed = 0; seed < 60; seed++)
        {
            new Run(seed, forgets).Check();
        }
    }

    [Fact]
    public void Sums_of_an_entity_over_its_memory_tell_the_age_or_that_they_cannot()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            new Run(seed, forgets: true) { CompactsAtEnd = true }.Check();
        }
    }

    private static FeatureStatus Status(EventFeed feed, long asOf) => feed.Read("card", new EventTime(asOf), Key)["aging:n"].Status;

    private static void Insert(EventFeed feed, long id, long time, double amount = 1) => feed.Send("payments", EventOperation.Insert, time, Fields(id, time, amount));

    private static Value[] Fields(long id, long time, double amount) => [Value.Of(id), Value.Of(new EventTime(time)), Key, Value.Of(amount)];

    private static EventFeed FeedOf(int ttlMinutes, Duration? lateness = null, bool forgets = true, int sleepsEvery = 0)
    {
        var stream = new StreamDefinition("payments", 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("card", FieldType.String), new("amount", FieldType.Double)]);
        static FeatureDefinition Feature(string name, string aggregate, double? @default = null) =>
            new(name, aggregate, new Duration(Hour), Duration.Zero, null, @default is { } value ? Value.Of(value) : Value.Null) { Accuracy = new AccuracyDefinition(new Duration(Minute), new Duration(Minute)) };
        var aging = new FeatureViewDefinition("aging", 1, "card", "payments", "amount > 0.0", [Feature("n", "count"), Feature("mean", "mean(amount)"), Feature("or_zero", "mean(amount)", 0), Feature("last", "last(amount)")])
        {
            Ttl = new Duration(ttlMinutes * Minute), AllowedLateness = lateness,
        };
        var definitions = new DefinitionSet(
            [stream], [new EntityDefinition("card", ["card"]) { History = new Duration(History) }], [aging, aging with { Name = "ageless", Ttl = null }], []);
        Catalog? catalog = Catalog.Compile(definitions, out var problems);
        problems.ShouldBeEmpty();
        return new EventFeed(catalog!) { Forgets = forgets, SleepsEvery = sleepsEvery };
    }

    /// <summary>
    /// Random events of one entity, late ones and corrections among them, read at random instants beside a list of all their versions. A view with a ttl must say what its twin without one says, or
    /// that it has expired exactly where the list says so.
    /// </summary>
    private sealed class Run(int seed, bool forgets)
    {
        private readonly Random _random = new(seed);
        private readonly List<Version> _versions = [];
        private long _newest = long.MinValue;
        private bool _hasCorrected;

        public bool CompactsAtEnd { get; init; }

        public void Check()
        {
            int ttl = _random.Next(1, 400);
            EventFeed feed = FeedOf(ttl, forgets: forgets, sleepsEvery: seed % 3 == 0 ? 7 : 0);
            int corrections = seed % 2 == 0 ? 0 : 10;
            long now = Start;
            (int steps, long pause) = CompactsAtEnd ? (400, Minute / 2) : (120, 20 * Minute);
            for (int step = 0; step < steps; step++)
            {
                now += _random.NextInt64(pause) * (!CompactsAtEnd && _random.Next(10) == 0 ? 30 : 1);
                Apply(feed, step, now, corrections);
                for (int read = 0; read < 3; read++)
                {
                    long asOf = now - (History * 2) + _random.NextInt64((ttl * Minute) + (4 * History));
                    Compare(feed, ttl, asOf, _random.Next(3) == 0 ? now - _random.NextInt64(3 * Hour) : EventTime.Never.Micros);
                }
            }

            if (CompactsAtEnd)
            {
                EntityState state = feed.StateOf("card", Key)!;
                state.Compact(state.HeldBytes / 2);
                state.Memory().SummedEvents.ShouldBeGreaterThan(0, $"seed {seed}");
                for (int read = 0; read < 50; read++)
                {
                    Compare(feed, ttl, now - (History * 2) + _random.NextInt64((ttl * Minute) + (4 * History)), EventTime.Never.Micros);
                }

                feed.Read("card", new EventTime(_newest + ((ttl + 2) * Minute)), Key)["aging:n"].Status.ShouldBe(FeatureStatus.OutsideMaxAge, $"seed {seed}: long after the last hop");
            }
        }

        private void Apply(EventFeed feed, int step, long now, int corrections)
        {
            List<Version> standing = [.. _versions.Where(version => version.Until == long.MaxValue)];
            if (standing.Count > 0 && _random.Next(100) < corrections)
            {
                Version corrected = standing[_random.Next(standing.Count)];
                bool deletes = _random.Next(2) == 0;
                long moved = corrected.Time + _random.NextInt64(-Hour, Hour);
                feed.Send("payments", deletes ? EventOperation.Delete : EventOperation.Upsert, now, Fields(corrected.Id, deletes ? corrected.Time : moved, 2));
                if (feed.Refused)
                {
                    return;
                }

                _hasCorrected = true;
                corrected.Until = now;
                if (!deletes)
                {
                    Add(corrected.Id, moved, now);
                }

                return;
            }

            long late = _random.Next(3) == 0 ? _random.NextInt64(3 * Hour) : 0;
            feed.Send("payments", EventOperation.Insert, now, Fields(step, now - late, _random.Next(-1, 3)));
            Add(step, now - late, now);
        }

        private void Add(long id, long time, long arrival)
        {
            _versions.Add(new Version(id, time, arrival));
            _newest = Math.Max(_newest, time);
        }

        private void Compare(EventFeed feed, int ttl, long asOf, long knownAt)
        {
            Selection all = feed.Select("aging:*", "ageless:*");
            FeatureValue[] values = feed.Read(all, new EventTime(asOf), new EventTime(knownAt), Key);
            long? newest = _versions.Where(version => version.Time <= asOf && version.Arrival <= knownAt && (version.Until == long.MaxValue || knownAt < version.Until)).Max(version => (long?)version.Time);
            bool isExpired = newest is { } time && asOf - time > ttl * Minute;
            bool mustTell = !forgets || (!CompactsAtEnd && !_hasCorrected && knownAt == EventTime.Never.Micros && asOf >= _newest - History);
            for (int feature = 0; feature < 4; feature++)
            {
                FeatureValue aged = values[feature];
                if (aged.Status == FeatureStatus.OutsideRetention && !mustTell)
                {
                    continue;
                }

                FeatureValue expected = isExpired ? FeatureValue.OutsideMaxAge : values[4 + feature];
                aged.ShouldBe(expected, $"seed {seed}, {all.Features[feature].Reference} with a ttl of {ttl} min as of {asOf}, known at {knownAt}: the newest event is of {newest}");
            }
        }

        private sealed record Version(long Id, long Time, long Arrival)
        {
            public long Until { get; set; } = long.MaxValue;
        }
    }
}
