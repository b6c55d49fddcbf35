using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>Events, copies and corrections drawn at random, through two entries: in turn, compared with a naive model and with the embedded host; and at once, by what the log must look like.</summary>
public sealed class TwoEntriesProperties(PostgresFixture postgres)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task In_turn_two_entries_say_of_every_event_what_a_naive_model_says(int seed)
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 8);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        var random = new Random(seed);
        var model = new TransactionOracle();
        for (int step = 0; step < 60; step++)
        {
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, 25)).Select(_ => CorrectionModel.Draw(random))];
            IntakeResult[] results = await (random.Next(2) == 0 ? one : other).ResultsAsync(batch);
            results.ShouldBe(model.Apply(one.Catalog, batch), $"seed {seed}, step {step}");
        }

        await one.KnowAsync(other.Log.DurableSequence);
        CorrectionModel.FinalVersions(one.Catalog, one.Records(), $"seed {seed}").Count(fields => fields is not null).ShouldBe(model.Accepted);
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.Single().Accepted.ShouldBe(model.Accepted, $"seed {seed}");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task At_once_two_entries_count_every_event_once_and_each_correction_meets_the_version_before_it(int seed)
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 8);
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options);
        await using var tails = new TailReader(other, LogOffset.None);
        int[] accepted = await Task.WhenAll(Enumerable.Range(0, 8).Select(connection => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + connection);
            int inserted = 0;
            for (int step = 0; step < 40; step++)
            {
                Push[] batch = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => CorrectionModel.Draw(random, ids: 12)), .. Transactions.Many(step, 3, 1_000 + (step * 3))];
                IntakeResult[] results = await (connection % 2 == 0 ? one : other).ResultsAsync(batch);
                results.ShouldAllBe(result => result == IntakeResult.Accepted || result == IntakeResult.Duplicate, $"seed {seed}");
                inserted += results[^3..].Count(result => result == IntakeResult.Accepted);
            }

            return inserted;
        }, Entry.Cancelled)));

        accepted.Sum().ShouldBe(120, $"seed {seed}: 120 events that all eight connections brought");
        await one.KnowAsync(other.Log.DurableSequence);
        Value[]?[] versions = CorrectionModel.FinalVersions(one.Catalog, one.Records(), $"seed {seed}");
        (await one.Log.CountsAsync(Entry.Cancelled)).Values.Single().Accepted.ShouldBe(versions.Count(fields => fields is not null), $"seed {seed}");
        await tails.ReadToAsync(one.FramesByPartition());
    }

    /// <summary>Disorder of two producers over hours, a view that allows one hour, and a clock that lets producers fall silent now and then.</summary>
    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    public async Task Two_entries_find_late_what_the_embedded_host_finds_late(int seed)
    {
        var clock = new ShiftedClock();
        Catalog catalog = Transactions.Catalog(customerLateness: new Duration(3_600_000_000));
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 8);
        await using Entry one = await Entry.OpenAsync(options, clock);
        await using Entry other = await Entry.OpenAsync(options, clock);
        (one.Catalog, other.Catalog) = (catalog, catalog);
        DirectoryInfo directory = Directory.CreateTempSubdirectory("orleans-features-");
        await using (EmbeddedHost embedded = await EmbeddedHost.StartAsync(new EmbeddedHostOptions { LogDirectory = directory.FullName, PartitionCount = 8 }, catalog, clock, NullLogger.Instance, Entry.Cancelled))
        {
            var random = new Random(seed);
            for (int step = 0; step < 80; step++)
            {
                Push[] batch = [.. Enumerable.Range(0, random.Next(1, 10)).Select(at => Draw(random, step, (step * 10) + at))];
                CorrectionOutcome[] expected = await embedded.PushAsync(batch);
                CorrectionOutcome[] outcomes = await (random.Next(2) == 0 ? one : other).PushAsync(batch);
                outcomes.Select(Said).ShouldBe(expected.Select(Said), $"seed {seed}, step {step}");
                if (random.Next(20) == 0)
                {
                    clock.Advance(Entities.Limits.ProducerIdleAfter);
                }
            }
        }

        directory.Delete(recursive: true);
        (one.Records().Count + other.Records().Count).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Arrivals_never_go_back_whichever_clock_stamps_them()
    {
        var ahead = new ShiftedClock();
        ahead.Set(TimeSpan.FromHours(1));
        PostgresOptions options = await postgres.OptionsAsync();
        await using Entry one = await Entry.OpenAsync(options);
        await using Entry other = await Entry.OpenAsync(options, ahead);
        for (int push = 0; push < 10; push++)
        {
            await (push is 3 or 4 ? other : one).PushAsync(Transactions.Insert(push, push, "ann", "t1", 1));
        }

        await one.KnowAsync(new LogSequence(19));
        long[] arrivals = [.. one.Records().Select(record => EventRecord.Parse(record).Arrival.Micros)];
        arrivals.ShouldBe(arrivals.Order());
        (arrivals[6] - arrivals[5]).ShouldBeGreaterThan(3_500_000_000, "the clock that is ahead was believed");
        (await one.Log.ReadMarksAsync(LogSequence.None, Entry.Cancelled)).Select(mark => mark.CommittedAt.Micros).ShouldBeInOrder();
    }

    /// <summary>A new process begins where the log is: with its clocks and its ids.</summary>
    [Fact]
    public async Task An_entry_that_starts_later_knows_what_the_others_know()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        Catalog catalog = Transactions.Catalog(customerLateness: new Duration(3_600_000_000));
        await using (Entry first = await Entry.OpenAsync(options))
        {
            first.Catalog = catalog;
            await first.PushAsync(Transactions.Insert(1, 7_200, "ann", "t1", 1));
        }

        await using Entry later = await Entry.OpenAsync(options);
        later.Catalog = catalog;
        later.Log.DurableSequence.ShouldBe(new LogSequence(1));
        (await later.ResultsAsync(Transactions.Insert(1, 7_200, "ann", "t1", 1), Transactions.Insert(2, 3_599, "ann", "t1", 1), Transactions.Insert(3, 3_600, "ann", "t1", 1)))
            .ShouldBe([IntakeResult.Duplicate, IntakeResult.Late, IntakeResult.Accepted]);
    }

    private static Push Draw(Random random, int step, int id)
    {
        Push insert = Transactions.Insert(id, (step * 300) + random.Next(-7_200, 600) + 10_000, $"c{random.Next(4)}", $"t{random.Next(3)}", 1) with { Producer = random.Next(3) == 0 ? "slow" : "fast" };
        return random.Next(6) switch
        {
            0 => insert with { Operation = EventOperation.Upsert, Fields = [Value.Of((long)random.Next(Math.Max(1, id))), .. insert.Fields[1..]] },
            1 => Transactions.Delete(random.Next(Math.Max(1, id))),
            _ => insert,
        };
    }

    private static (IntakeResult, long, int) Said(CorrectionOutcome outcome) => (outcome.Result, outcome.Note.StreamTimeMicros, outcome.Note.LateViews.Length);
}
