using OrleansFeatures.Simulation.Canaries;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Simulation;

public sealed class SimulationTests
{
    private const int SeedsInCi = 200;

    /// <summary>A break that every crash can show must not need more.</summary>
    private const int SeedsOfCanary = 20;

    [Fact]
    public void Every_promise_is_kept_through_crashes_torn_writes_full_disks_and_corrections()
    {
        Tally total = SimulationCommand.RunAll(1, SeedsInCi, TimeSpan.FromMinutes(10), out List<SeedResult> failures);
        failures.ShouldBeEmpty(string.Join(Environment.NewLine, failures.Select(failure => failure.Violation)));
        TestContext.Current.TestOutputHelper?.WriteLine(total.ToString());

        // A simulation in which nothing happens proves nothing.
        total.Seeds.ShouldBe(SeedsInCi);
        total.PowerLosses.ShouldBeGreaterThan(SeedsInCi);
        total.TornWrites.ShouldBeGreaterThan(SeedsInCi);
        total.Corrections.ShouldBeGreaterThan(100 * SeedsInCi);
        total.ValuesExpired.ShouldBeGreaterThan(20 * SeedsInCi);
        total.ValuesOnDemand.ShouldBeGreaterThan(100 * SeedsInCi);
        total.FullDisks.ShouldBeGreaterThan(SeedsInCi / 2);
        total.FailedOperations.ShouldBeGreaterThan(SeedsInCi / 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void One_seed_is_one_history_to_the_last_step(int seed)
    {
        SeedResult once = StoreSimulation.Run(seed);
        SeedResult again = StoreSimulation.Run(seed);
        again.TraceHash.ShouldBe(once.TraceHash);
        again.Tally.Steps.ShouldBe(once.Tally.Steps);
    }

    [Fact]
    public void A_failing_seed_fails_again_in_the_same_words()
    {
        var sabotage = new Sabotage { Disk = disk => new LyingDisk(disk) };
        SeedResult failure = Seeds(sabotage).First(result => result.Violation is not null);
        StoreSimulation.Run(failure.Seed, sabotage).Violation.ShouldBe(failure.Violation);
    }

    [Fact]
    public void Canary_a_disk_that_lies_about_its_syncs_is_found_out() =>
        Seeds(new Sabotage { Disk = disk => new LyingDisk(disk) }).ShouldContain(result => result.Violation != null);

    [Fact]
    public void Canary_a_store_that_forgets_which_events_it_has_is_found_out() =>
        Seeds(new Sabotage { Host = Amnesia.Strike }).ShouldContain(result => result.Violation != null && (result.Violation.Contains("again") || result.Violation.Contains("was due")));

    private static IEnumerable<SeedResult> Seeds(Sabotage sabotage) => Enumerable.Range(1, SeedsOfCanary).Select(seed => StoreSimulation.Run(seed, sabotage));
}
