using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionRegistryTests
{
    private static readonly DefinitionSource[] Small = [new("fraud.yaml", Samples.Small)];

    [Fact]
    public void What_was_committed_is_live_after_a_restart_with_its_history()
    {
        using var folder = new TemporaryFolder();
        string hash;
        using (var database = MetadataDatabase.Open(folder.Path))
        {
            var registry = new DefinitionRegistry(database, TimeProvider.System);
            registry.Live.Definitions.Streams.ShouldBeEmpty();
            DefinitionPlan plan = registry.Plan(Small);
            (plan.Verdict, plan.BaseHash).ShouldBe((PlanVerdict.Compatible, registry.Live.Hash));
            registry.TryCommit(plan, "ana").ShouldBeTrue();
            hash = registry.Live.Hash;
            hash.ShouldBe(plan.Hash);
        }

        using var reopened = MetadataDatabase.Open(folder.Path);
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
    public void A_commit_replaces_all_files()
    {
        using var folder = new TemporaryFolder();
        using var database = MetadataDatabase.Open(folder.Path);
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
    public void A_plan_made_against_older_definitions_is_not_committed()
    {
        using var folder = new TemporaryFolder();
        using var database = MetadataDatabase.Open(folder.Path);
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan stale = registry.Plan([new("other.yaml", Samples.With("window: 1d", "window: 2d"))]);
        registry.TryCommit(registry.Plan(Small), "ana").ShouldBeTrue();
        registry.TryCommit(stale, "ben").ShouldBeFalse();
        registry.Live.Sources.ShouldBe(Small);
    }

    [Fact]
    public void Of_many_plans_against_one_base_exactly_one_is_committed()
    {
        using var folder = new TemporaryFolder();
        using var database = MetadataDatabase.Open(folder.Path);
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan[] plans = [.. Enumerable.Range(1, 8).Select(days => registry.Plan([new("fraud.yaml", Samples.With("window: 1d", $"window: {days}d"))]))];
        int committed = 0;
        Parallel.ForEach(plans, plan => Interlocked.Add(ref committed, registry.TryCommit(plan, "ana") ? 1 : 0));
        committed.ShouldBe(1);
        registry.History().ShouldHaveSingleItem().Hash.ShouldBe(registry.Live.Hash);
    }

    [Fact]
    public void A_plan_with_errors_shows_them_and_cannot_be_committed()
    {
        using var folder = new TemporaryFolder();
        using var database = MetadataDatabase.Open(folder.Path);
        var registry = new DefinitionRegistry(database, TimeProvider.System);
        DefinitionPlan plan = registry.Plan([new("fraud.yaml", Samples.With("window: 1d", "widow: 1d"))]);
        plan.Errors.ShouldHaveSingleItem().Line.ShouldBe(18);
        plan.Changes.ShouldBeEmpty();
        Should.Throw<ArgumentException>(() => registry.TryCommit(plan, "ana"));
        registry.History().ShouldBeEmpty();
    }
}
