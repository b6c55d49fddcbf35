using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Registry;

// Compares two valid sets item by item, by name and version. The rule behind every verdict: a change is breaking if somebody who relies
// on today's definitions (a producer that pushes by position, a model that reads a vector, state that is keyed) would get an error or
// other values without having asked for it. Whatever only adds is compatible.

/// <summary>Finds the differences between two sets of definitions and judges each.</summary>
public sealed class DefinitionPlanner
{
    private readonly DefinitionSet _before;
    private readonly DefinitionSet _after;
    private readonly ImmutableArray<DefinitionChange>.Builder _changes = ImmutableArray.CreateBuilder<DefinitionChange>();

    private DefinitionPlanner(DefinitionSet before, DefinitionSet after)
    {
        _before = before;
        _after = after;
    }

    /// <summary>Streams, entities, feature views, on-demand features, feature services; within each by name and version. Both sets have passed the catalog.</summary>
    public static ImmutableArray<DefinitionChange> Compare(DefinitionSet before, DefinitionSet after)
    {
        var planner = new DefinitionPlanner(before, after);
        planner.Match("stream", before.Streams, after.Streams, stream => (stream.Name, stream.Version), planner.Compare, planner.StreamAdded,
            "keep it until no producer pushes to it");
        planner.Match("entity", before.Entities, after.Entities, entity => (entity.Name, 0), planner.Compare, AddedAsSuch,
            "keep it until nobody reads its features");
        planner.Match("feature view", before.FeatureViews, after.FeatureViews, view => (view.Name, view.Version), planner.Compare, AddedAsSuch,
            "keep it until nobody reads its features");
        planner.Match("on-demand feature", before.OnDemand, after.OnDemand, onDemand => (onDemand.Name, 0), planner.Compare, AddedAsSuch,
            "keep it until no model reads it");
        planner.Match("feature service", before.FeatureServices, after.FeatureServices, service => (service.Name, service.Version), planner.Compare, AddedAsSuch,
            "keep it until no model reads it");
        return planner._changes.ToImmutable();
    }

    private void Match<T>(
        string kind, ImmutableArray<T> before, ImmutableArray<T> after, Func<T, (string Name, int Version)> key, Action<string, T, T> compare, Func<T, string> problemOfAdding, string keep)
    {
        var old = before.ToDictionary(key);
        var @new = after.ToDictionary(key);
        foreach ((string Name, int Version) id in old.Keys.Union(@new.Keys).OrderBy(id => id.Name, StringComparer.Ordinal).ThenBy(id => id.Version))
        {
            string what = id.Version == 0 ? $"{kind} {id.Name}" : $"{kind} {id.Name}@{id.Version}";
            if (!old.TryGetValue(id, out T? previous))
            {
                string problem = problemOfAdding(@new[id]);
                Add(ChangeKind.Added, what, problem.Length == 0 ? $"new {kind}" : problem, problem.Length == 0 ? "" : "give the field another name in the new version");
            }
            else if (!@new.TryGetValue(id, out T? next))
            {
                Add(ChangeKind.Removed, what, $"{kind} removed", keep);
            }
            else
            {
                compare(what, previous, next);
            }
        }
    }

    /// <summary>A new version beside an old one is compatible, unless it gives a field another type: events of older versions then lack it.</summary>
    private string StreamAdded(StreamDefinition stream)
    {
        StreamDefinition? newest = _before.Streams.Where(candidate => candidate.Name == stream.Name).MaxBy(candidate => candidate.Version);
        FieldDefinition? changed = newest is null || newest.Version > stream.Version
            ? null
            : stream.Fields.FirstOrDefault(field => newest.Fields.Any(old => old.Name == field.Name && old.Type != field.Type));
        FieldType? before = newest?.Fields.FirstOrDefault(field => field.Name == changed?.Name)?.Type;
        return changed is null ? "" : $"field {changed.Name}: {before!.Value.Name()} -> {changed.Type.Name()}; it is null in the events of older versions";
    }

    private static string AddedAsSuch<T>(T item) => "";

    private void Compare(string what, StreamDefinition before, StreamDefinition after)
    {
        string fix = $"leave version {before.Version} as it is and define version {before.Version + 1} beside it";
        Differs(what, "event_id", before.EventId, after.EventId, fix);
        Differs(what, "event_time", before.EventTime, after.EventTime, fix);
        foreach (FieldDefinition field in before.Fields)
        {
            FieldDefinition? same = after.Fields.FirstOrDefault(candidate => candidate.Name == field.Name);
            if (same is null)
            {
                Add(ChangeKind.Changed, what, $"field {field.Name} removed", fix);
            }
            else
            {
                Differs(what, $"field {field.Name}: type", field.Type.Name(), same.Type.Name(), fix);
            }
        }

        // Columnar pushes go by position, and so do the records of history: a version is what it was when the first event was pushed by it.
        string[] kept = [.. after.Fields.Select(field => field.Name).Where(name => before.Fields.Any(field => field.Name == name))];
        bool sameOrder = kept.SequenceEqual(before.Fields.Select(field => field.Name).Where(kept.Contains));
        if (!sameOrder)
        {
            Add(ChangeKind.Changed, what, $"the order of the fields: {string.Join(", ", before.Fields.Select(field => field.Name))} -> {string.Join(", ", after.Fields.Select(field => field.Name))}", fix);
        }

        foreach (FieldDefinition field in after.Fields.Where(field => !kept.Contains(field.Name)))
        {
            Add(ChangeKind.Changed, what, $"field {field.Name} added", fix);
        }
    }

    private void Compare(string what, EntityDefinition before, EntityDefinition after)
    {
        Differs(what, "key", string.Join(", ", before.Key), string.Join(", ", after.Key), "define another entity with the new key beside it");
        Differs(what, "history", Shown(before.History), Shown(after.History), fix: "");
    }

    private static string Shown(Duration? history) => (history ?? Catalog.RetentionSlack).ToString();

    private void Compare(string what, FeatureViewDefinition before, FeatureViewDefinition after)
    {
        string fix = $"leave version {before.Version} as it is and define version {before.Version + 1} beside it";
        Differs(what, "entity", before.Entity, after.Entity, fix);
        Differs(what, "stream", before.Stream, after.Stream, fix);
        Differs(what, "where", Shown(before.Where), Shown(after.Where), fix);
        Differs(what, "allowed_lateness", before.AllowedLateness?.ToString() ?? "none", after.AllowedLateness?.ToString() ?? "none", fix);
        Differs(what, "ttl", before.Ttl?.ToString() ?? "none", after.Ttl?.ToString() ?? "none", fix);
        var old = before.Features.ToDictionary(feature => feature.Name);
        var @new = after.Features.ToDictionary(feature => feature.Name);
        foreach (string name in old.Keys.Union(@new.Keys).Order(StringComparer.Ordinal))
        {
            if (!old.TryGetValue(name, out FeatureDefinition? previous))
            {
                Add(ChangeKind.Changed, what, $"feature {name} added", "");
            }
            else if (!@new.TryGetValue(name, out FeatureDefinition? next))
            {
                Add(ChangeKind.Changed, what, $"feature {name} removed", fix);
            }
            else
            {
                Differs(what, $"feature {name}: aggregate", DefinitionText.Aggregate(previous.Aggregate), DefinitionText.Aggregate(next.Aggregate), fix);
                Differs(what, $"feature {name}: window", previous.Window.ToString(), next.Window.ToString(), fix);
                Differs(what, $"feature {name}: delay", previous.Delay.ToString(), next.Delay.ToString(), fix);
                Differs(what, $"feature {name}: by", previous.By ?? "none", next.By ?? "none", fix);
                Differs(what, $"feature {name}: where", Shown(previous.Where), Shown(next.Where), fix);
                Differs(what, $"feature {name}: default", DefinitionText.Default(previous.Default), DefinitionText.Default(next.Default), fix);
                Differs(what, $"feature {name}: accuracy", Shown(previous.Accuracy), Shown(next.Accuracy), fix: "");
            }
        }
    }

    /// <summary>An on-demand feature is what it computes with in the end, so that a newer version of a view that it names without one changes it.</summary>
    private void Compare(string what, OnDemandDefinition before, OnDemandDefinition after)
    {
        const string Fix = "leave it as it is and define another on-demand feature beside it";
        Differs(what, "type", before.Type.Name(), after.Type.Name(), Fix);
        Differs(what, "expr", Shown(before.Expression), Shown(after.Expression), Fix);
        Differs(what, "request", RequestOf(before), RequestOf(after), Fix);
        if (before.Expression.Trim() == after.Expression.Trim())
        {
            string inputs = string.Join(", ", OnDemandInputs.Of(before, _before));
            Differs(what, "inputs", inputs, string.Join(", ", OnDemandInputs.Of(after, _after)), $"write {inputs} in its expression");
        }
    }

    private static string RequestOf(OnDemandDefinition onDemand) => string.Join(", ", OnDemandInputs.RequestOf(onDemand).Select(field => $"{field.Name} {field.Type.Name()}")) is { Length: > 0 } fields ? fields : "none";

    /// <summary>
    /// A service is what it reads in the end. So it also changes when a view that it reads with a star gains a feature, or when a newer version
    /// of a view takes over a reference without a version.
    /// </summary>
    private void Compare(string what, FeatureServiceDefinition before, FeatureServiceDefinition after)
    {
        ImmutableArray<string> old = ServiceFeatures.Of(before, _before);
        ImmutableArray<string> @new = ServiceFeatures.Of(after, _after);
        foreach (string reference in old.Except(@new).Order(StringComparer.Ordinal))
        {
            string feature = WithoutVersion(reference);
            string? successor = @new.FirstOrDefault(candidate => WithoutVersion(candidate) == feature && !old.Contains(candidate));
            string view = reference.Split(':')[0];
            if (successor is null)
            {
                Add(ChangeKind.Changed, what, $"{reference} removed", $"leave it in, or define version {before.Version + 1} of the service without it");
            }
            else
            {
                Add(ChangeKind.Changed, what, $"{reference} -> {successor}", $"write {view}:… in version {before.Version}, and {successor[..successor.IndexOf(':', StringComparison.Ordinal)]}:… in a new version of the service");
            }
        }

        foreach (string reference in @new.Except(old).Where(reference => !old.Any(gone => WithoutVersion(gone) == WithoutVersion(reference) && !@new.Contains(gone))).Order(StringComparer.Ordinal))
        {
            Add(ChangeKind.Changed, what, $"{reference} added", "");
        }

        foreach (string need in ServiceFeatures.NeedsOf([.. @new.Except(old)], _after).Except(ServiceFeatures.NeedsOf(old, _before)))
        {
            Add(ChangeKind.Changed, what, $"it needs {need}, which today's requests do not bring", $"define version {before.Version + 1} of the service beside it");
        }

        if (!old.Where(@new.Contains).SequenceEqual(@new.Where(old.Contains)))
        {
            Add(ChangeKind.Changed, what, "the order of the features changed", $"keep the order, or define version {before.Version + 1} of the service");
        }
    }

    /// <summary>An on-demand feature has no version.</summary>
    private static string WithoutVersion(string reference) => reference.Contains('@', StringComparison.Ordinal)
        ? reference[..reference.IndexOf('@', StringComparison.Ordinal)] + reference[reference.IndexOf(':', StringComparison.Ordinal)..]
        : reference;

    private static string Shown(string? expression) => expression is null ? "none" : $"'{expression.Trim()}'";

    /// <summary>A promise about values that memory is short for, and that say so themselves: whoever reads exact values reads the same ones after as before.</summary>
    private static string Shown(AccuracyDefinition? accuracy)
    {
        AccuracyDefinition shown = accuracy ?? Catalog.AccuracyDefault;
        return $"exact for {shown.ExactFor} in hops of {shown.Hop}";
    }

    private void Differs(string what, string part, string before, string after, string fix)
    {
        if (before != after)
        {
            Add(ChangeKind.Changed, what, $"{part} {before} -> {after}", fix);
        }
    }

    /// <summary>A change that needs a fix is a breaking one.</summary>
    private void Add(ChangeKind kind, string what, string detail, string fix) =>
        _changes.Add(new DefinitionChange(kind, what, detail, fix.Length == 0 ? PlanVerdict.Compatible : PlanVerdict.Breaking, fix));
}
