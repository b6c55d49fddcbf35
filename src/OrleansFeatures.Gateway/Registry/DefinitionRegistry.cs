using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>The definitions that the store runs on. Immutable: a change is a new one.</summary>
public sealed record LiveDefinitions(ImmutableArray<DefinitionSource> Sources, Catalog Catalog, string Hash)
{
    public DefinitionSet Definitions => Catalog.Definitions;
}

/// <summary>An apply that happened.</summary>
/// <param name="At">When.</param>
/// <param name="Hash">Of what it made live.</param>
/// <param name="BaseHash">Of what was live before.</param>
/// <param name="AppliedBy">Who asked for it.</param>
/// <param name="Verdict">Of its plan.</param>
/// <param name="Changes">Its changes, one a line.</param>
public sealed record DefinitionApply(EventTime At, string Hash, string BaseHash, string AppliedBy, PlanVerdict Verdict, string Changes);

/// <summary>
/// Keeps the live definitions, durably: the files as they were given, and who applied what when. It does not tell the host: whoever
/// commits does. Any thread may call.
/// </summary>
public sealed class DefinitionRegistry
{
    private readonly MetadataDatabase _database;
    private readonly TimeProvider _time;
    private readonly Lock _committing = new();
    private volatile LiveDefinitions _live;

    /// <summary>Takes up what was live when the process last ran.</summary>
    /// <exception cref="MetadataException">The database cannot be read, or this version refuses the definitions in it.</exception>
    public DefinitionRegistry(MetadataDatabase database, TimeProvider time)
    {
        _database = database;
        _time = time;
        _live = Restore();
    }

    public LiveDefinitions Live => _live;

    /// <summary>What applying these files in place of all live ones would do. Changes nothing.</summary>
    public DefinitionPlan Plan(IEnumerable<DefinitionSource> sources)
    {
        DefinitionReading reading = DefinitionReader.Read(sources);
        LiveDefinitions live = _live;
        return reading.IsValid
            ? new DefinitionPlan(reading, live.Hash, DefinitionHash.Of(reading.Definitions), DefinitionPlanner.Compare(live.Definitions, reading.Definitions))
            : new DefinitionPlan(reading, live.Hash, "", []);
    }

    /// <summary>
    /// Makes a plan's files live; on disk when it returns. Whether a breaking plan is wanted is the caller's to decide. False: the live
    /// definitions are no longer those that the plan was made against, and nothing has changed; plan again.
    /// </summary>
    /// <exception cref="ArgumentException">The plan has errors.</exception>
    /// <exception cref="MetadataException">Nothing has changed.</exception>
    public bool TryCommit(DefinitionPlan plan, string appliedBy)
    {
        if (plan.Reading.Catalog is not { } catalog)
        {
            throw new ArgumentException("a plan with errors cannot be committed", nameof(plan));
        }

        lock (_committing)
        {
            if (plan.BaseHash != _live.Hash)
            {
                return false;
            }

            Store(plan, appliedBy);
            _live = new LiveDefinitions(plan.Reading.Sources, catalog, plan.Hash);
            return true;
        }
    }

    /// <summary>The newest applies first, at most <see cref="Limits.AppliesKeptMax"/>.</summary>
    public IReadOnlyList<DefinitionApply> History() => _database.Read(connection => connection.Rows(
        "SELECT at_micros, hash, base_hash, applied_by, verdict, changes FROM definition_applies ORDER BY id DESC",
        row => new DefinitionApply(new EventTime(row.GetInt64(0)), row.GetString(1), row.GetString(2), row.GetString(3), Enum.Parse<PlanVerdict>(row.GetString(4)), row.GetString(5))));

    private LiveDefinitions Restore()
    {
        List<DefinitionSource> sources = _database.Read(connection => connection.Rows(
            "SELECT name, content FROM definition_files", row => new DefinitionSource(row.GetString(0), row.GetString(1))));
        DefinitionReading reading = DefinitionReader.Read(sources);
        return reading.Catalog is { } catalog
            ? new LiveDefinitions(reading.Sources, catalog, DefinitionHash.Of(reading.Definitions))
            : throw new MetadataException($"this version refuses the stored definitions: {reading.Errors[0]}");
    }

    private void Store(DefinitionPlan plan, string appliedBy) => _database.Write((connection, _) =>
    {
        connection.Execute("DELETE FROM definition_files");
        foreach (DefinitionSource source in plan.Reading.Sources)
        {
            connection.Execute("INSERT INTO definition_files VALUES (?1, ?2)", source.Name, source.Text);
        }

        string changes = string.Join('\n', plan.Changes.Select(change => $"{change.Kind} {change.What}: {change.Detail}"));
        connection.Execute(
            "INSERT INTO definition_applies (at_micros, hash, base_hash, applied_by, verdict, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            EventTime.From(_time.GetUtcNow()).Micros, plan.Hash, plan.BaseHash, appliedBy, plan.Verdict.ToString(), changes);
        return connection.Execute("DELETE FROM definition_applies WHERE id <= (SELECT max(id) FROM definition_applies) - ?1", Limits.AppliesKeptMax);
    });
}
