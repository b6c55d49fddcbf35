using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Tests.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Metadata.Cases;

/// <summary>What the registry does on every database. Each test has one of its own; opening it again is a restart, or another process beside the first.</summary>
public abstract class DefinitionRegistryCases
{
    protected abstract Task<MetadataDatabase> OpenAsync();

    private static readonly DefinitionSource[] Small = [new("fraud.yaml", Samples.Small)];

    [Fact]
    public async Task What_was_committed_is_live_after_a_restart_with_its_history()
    {
        string hash;
        using (MetadataDatabase database = await OpenAsync())
        {
            var registry = new DefinitionRegistry(database, TimeProvider.System);
            registry.Live.Definitions.Streams.ShouldBeEmpty();
            DefinitionPlan plan = registry.Plan(Small);
            (plan.Verdict, plan.BaseHash).ShouldBe((PlanVerdict.Compatible, registry.Live.Hash));
            registry.TryCommit(plan, "ana").ShouldBeTrue();
            hash = registry.Live.Hash;
            hash.ShouldBe(plan.Hash);
        }

        using MetadataDatabase reopened = await OpenAsync();
        var restored = new DefinitionRegistry(reopened, TimeProvider.System);
        restored.Live.Hash.ShouldBe(hash);
        restored.Live.Sources.ShouldBe(Small);
        restored.Live.Catalog.Service("fraud").ShouldNotBeNull();
        DefinitionApply apply = restored.History().ShouldHaveSingleItem();
        (apply.Hash, apply.AppliedBy, apply.Verdict).ShouldBe((hash, "ana", PlanVerdict.Compatible));
        apply.Changes.ShouldContain("Added stream transactions@1: new stream");
        apply.At.Micros.ShouldBeGreaterThan(0);
        restored.Plan(Small).Verdict.ShouldBe(PlanVerdict.Identical);
    }

    [Fact]
    public async Task A_commit_replaces_all_files()
    {
        using MetadataDatabase database = await OpenAsync();
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        registry.TryCommit(registry.Plan(Small), "ana").ShouldBeTrue();
        DefinitionSource[] other = [new("other.yaml", Samples.With("window: 1d", "window: 2d"))];
        DefinitionPlan plan = registry.Plan(other);
        plan.Verdict.ShouldBe(PlanVerdict.Breaking);
        registry.TryCommit(plan, "ben").ShouldBeTrue();
        new DefinitionRegistry(database, TimeProvider.System).Live.Sources.ShouldBe(other);
        registry.History().Select(apply => apply.AppliedBy).ShouldBe(["ben", "ana"]);
    }

    [Fact]
    public async Task A_plan_made_against_older_definitions_is_not_committed()
    {
        using MetadataDatabase database = await OpenAsync();
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan stale = registry.Plan([new("other.yaml", Samples.With("window: 1d", "window: 2d"))]);
        registry.TryCommit(registry.Plan(Small), "ana").ShouldBeTrue();
        registry.TryCommit(stale, "ben").ShouldBeFalse();
        registry.Live.Sources.ShouldBe(Small);
    }

    [Fact]
    public async Task Of_many_plans_against_one_base_exactly_one_is_committed()
    {
        using MetadataDatabase database = await OpenAsync();
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan[] plans = [.. Enumerable.Range(1, 8).Select(days => registry.Plan([new("fraud.yaml", Samples.With("window: 1d", $"window: {days}d"))]))];
        int committed = 0;
        Parallel.ForEach(plans, plan => Interlocked.Add(ref committed, registry.TryCommit(plan, "ana") ? 1 : 0));
        committed.ShouldBe(1);
        registry.History().ShouldHaveSingleItem().Hash.ShouldBe(registry.Live.Hash);
    }

    [Fact]
    public async Task A_plan_with_errors_shows_them_and_cannot_be_committed()
    {
        using MetadataDatabase database = await OpenAsync();
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan plan = registry.Plan([new("fraud.yaml", Samples.With("window: 1d", "widow: 1d"))]);
        plan.Errors.ShouldHaveSingleItem().Line.ShouldBe(18);
        plan.Changes.ShouldBeEmpty();
        Should.Throw<ArgumentException>(() => registry.TryCommit(plan, "ana"));
        registry.History().ShouldBeEmpty();
    }

    [Fact]
    public async Task What_another_process_commits_is_live_after_a_refresh()
    {
        using MetadataDatabase here = await OpenAsync();
        using MetadataDatabase there = await OpenAsync();
        var one = new DefinitionRegistry(here, TimeProvider.System);
        var other = new DefinitionRegistry(there, TimeProvider.System);
        (one.Generation, one.Refresh()).ShouldBe((0, false));
        other.TryCommit(other.Plan(Small), "ana").ShouldBeTrue();
        one.Live.Definitions.Streams.ShouldBeEmpty();
        one.Refresh().ShouldBeTrue();
        (one.Live.Hash, one.Generation).ShouldBe((other.Live.Hash, other.Generation));
        one.Generation.ShouldBeGreaterThan(0);
        one.Live.Catalog.Service("fraud").ShouldNotBeNull();
        (one.Refresh(), other.Refresh()).ShouldBe((false, false));
    }

    [Fact]
    public async Task A_process_that_has_not_seen_the_newest_commits_nothing_over_it()
    {
        using MetadataDatabase here = await OpenAsync();
        using MetadataDatabase there = await OpenAsync();
        var one = new DefinitionRegistry(here, TimeProvider.System);
        var other = new DefinitionRegistry(there, TimeProvider.System);
        DefinitionPlan stale = one.Plan([new("other.yaml", Samples.With("window: 1d", "window: 2d"))]);
        other.TryCommit(other.Plan(Small), "ana").ShouldBeTrue();
        one.TryCommit(stale, "ben").ShouldBeFalse();
        one.Live.Definitions.Streams.ShouldBeEmpty("a refused commit takes nothing up: that is for a refresh, which tells whoever has to know");
        one.Refresh().ShouldBeTrue();
        one.TryCommit(stale, "ben").ShouldBeFalse();
        one.TryCommit(one.Plan([new("other.yaml", Samples.With("window: 1d", "window: 2d"))]), "ben").ShouldBeTrue();
        other.Refresh().ShouldBeTrue();
        other.History().Select(apply => apply.AppliedBy).ShouldBe(["ben", "ana"]);
    }

    [Fact]
    public async Task Going_back_to_former_definitions_is_a_new_generation()
    {
        using MetadataDatabase database = await OpenAsync();
        using MetadataDatabase beside = await OpenAsync();
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        var other = new DefinitionRegistry(beside, TimeProvider.System);
        registry.TryCommit(registry.Plan(Small), "ana").ShouldBeTrue();
        other.Refresh().ShouldBeTrue();
        DefinitionPlan stale = other.Plan([new("fraud.yaml", Samples.With("window: 1d", "window: 3d"))]);
        long first = registry.Generation;
        registry.TryCommit(registry.Plan([new("fraud.yaml", Samples.With("window: 1d", "window: 2d"))]), "ana").ShouldBeTrue();
        registry.TryCommit(registry.Plan(Small), "ana").ShouldBeTrue();
        registry.Generation.ShouldBeGreaterThan(first + 1);
        (stale.BaseHash == registry.Live.Hash).ShouldBeTrue();
        other.TryCommit(stale, "ben").ShouldBeFalse("the same definitions, but what lies between has not been taken up");
    }

    [Fact]
    public async Task The_same_definitions_anew_are_a_new_generation_unless_others_are_live_already()
    {
        using MetadataDatabase here = await OpenAsync();
        using MetadataDatabase there = await OpenAsync();
        var one = new DefinitionRegistry(here, TimeProvider.System);
        one.TryCommit(one.Plan(Small), "ana").ShouldBeTrue();
        var other = new DefinitionRegistry(there, TimeProvider.System);
        LiveDefinitions before = one.Live;
        one.TryRenew("replay").ShouldBeTrue();
        one.Generation.ShouldBeGreaterThan(before.Generation);
        one.Live.ShouldBe(before with { Generation = one.Generation });
        other.TryRenew("replay").ShouldBeFalse();
        other.Refresh().ShouldBeTrue();
        (other.Live.Hash, other.Generation, other.Live.Sources.Length).ShouldBe((one.Live.Hash, one.Generation, 1));
        other.TryRenew("replay").ShouldBeTrue();
        DefinitionApply newest = other.History()[0];
        (newest.Hash, newest.BaseHash, newest.Verdict, newest.AppliedBy).ShouldBe((before.Hash, before.Hash, PlanVerdict.Identical, "replay"));
    }

    [Fact]
    public async Task Of_processes_that_race_exactly_one_commits_each_time()
    {
        MetadataDatabase[] databases = [await OpenAsync(), await OpenAsync(), await OpenAsync()];
        DefinitionRegistry[] registries = [.. databases.Select(database => new DefinitionRegistry(database, TimeProvider.System))];
        for (int round = 1; round <= 5; round++)
        {
            int committed = 0;
            Parallel.ForEach(registries.Index(), each => Interlocked.Add(ref committed, each.Item.TryCommit(each.Item.Plan([new("fraud.yaml", Samples.With("window: 1d", $"window: {(round * 3) + each.Index}d"))]), "ana") ? 1 : 0));
            committed.ShouldBe(1, $"round {round}");
            registries.Count(registry => registry.Refresh()).ShouldBe(2);
            registries.Select(registry => (registry.Live.Hash, registry.Generation)).Distinct().Count().ShouldBe(1);
        }

        registries[0].History().Count.ShouldBe(5);
        Array.ForEach(databases, database => database.Dispose());
    }
}
