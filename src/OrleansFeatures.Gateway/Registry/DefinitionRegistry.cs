using System.Collections.Immutable;
using System.Data.Common;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>The definitions that the store runs on. Immutable: a change is a new one.</summary>
public sealed record LiveDefinitions(ImmutableArray<DefinitionSource> Sources, Catalog Catalog, string Hash)
{
    /// <summary>Grows with every commit, in whatever process, not always by one; zero before the first.</summary>
    public long Generation { get; init; }

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
/// commits does, and whoever refreshes. Several processes may share the database: what one has committed is live for another when that one
/// has called <see cref="Refresh"/>. Any thread may call.
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

    /// <summary>Of what is live here.</summary>
    public long Generation => _live.Generation;

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
    /// definitions are no longer those that the plan was made against, here or in another process, and nothing has changed; refresh and plan again.
    /// </summary>
    /// <exception cref="ArgumentException">The plan has errors.</exception>
    /// <exception cref="MetadataException">Nothing has changed, unless the connection was lost while committing: then <see cref="Refresh"/> tells.</exception>
    public bool TryCommit(DefinitionPlan plan, string appliedBy)
    {
        if (plan.Reading.Catalog is not { } catalog)
        {
            throw new ArgumentException("a plan with errors cannot be committed", nameof(plan));
        }

        lock (_committing)
        {
            string changes = string.Join('\n', plan.Changes.Select(change => $"{change.Kind} {change.What}: {change.Detail}"));
            if (plan.BaseHash != _live.Hash || Store(plan.Reading.Sources, plan.Hash, appliedBy, plan.Verdict, changes) is not { } generation)
            {
                return false;
            }

            _live = new LiveDefinitions(plan.Reading.Sources, catalog, plan.Hash) { Generation = generation };
            return true;
        }
    }

    /// <summary>
    /// Begins a new generation of the live definitions, because all state is to be built anew by them. It stands in the history as an apply that changed nothing. False: another process has committed, and nothing has
    /// changed; refresh first.
    /// </summary>
    /// <exception cref="MetadataException">As for <see cref="TryCommit"/>.</exception>
    public bool TryRenew(string appliedBy)
    {
        lock (_committing)
        {
            if (Store(_live.Sources, _live.Hash, appliedBy, PlanVerdict.Identical, "all state is built anew") is not { } generation)
            {
                return false;
            }

            _live = _live with { Generation = generation };
            return true;
        }
    }

    /// <summary>Takes up what another process has committed; whether there was something. The host is to be told then.</summary>
    /// <exception cref="MetadataException">The database cannot be read, or this version refuses the definitions in it; those before stay live.</exception>
    public bool Refresh()
    {
        lock (_committing)
        {
            if (_database.Read(GenerationIn) == _live.Generation)
            {
                return false;
            }

            _live = Restore();
            return true;
        }
    }

    /// <summary>Whether these are the definitions that are live now, whichever process has committed last. Asks the database.</summary>
    /// <exception cref="MetadataException">The database cannot be read.</exception>
    public bool IsLive(Catalog catalog)
    {
        LiveDefinitions live = _live;
        return live.Catalog == catalog && _database.Read(GenerationIn) == live.Generation;
    }

    /// <summary>The newest applies first, at most <see cref="Limits.AppliesKeptMax"/>.</summary>
    public IReadOnlyList<DefinitionApply> History() => _database.Read(connection => connection.Rows(
        "SELECT at_micros, hash, base_hash, applied_by, verdict, changes FROM definition_applies ORDER BY id DESC",
        row => new DefinitionApply(new EventTime(row.GetInt64(0)), row.GetString(1), row.GetString(2), row.GetString(3), Enum.Parse<PlanVerdict>(row.GetString(4)), row.GetString(5))));

    /// <summary>One statement, so that files and generation are of the same moment.</summary>
    private LiveDefinitions Restore()
    {
        List<(long Generation, DefinitionSource? File)> rows = _database.Read(connection => connection.Rows(
            "SELECT generation, name, content FROM (SELECT coalesce(max(id), 0) AS generation FROM definition_applies) AS applied LEFT JOIN definition_files ON 1 = 1",
            row => (row.GetInt64(0), row.IsDBNull(1) ? null : new DefinitionSource(row.GetString(1), row.GetString(2)))));
        DefinitionReading reading = DefinitionReader.Read(rows.Select(row => row.File).OfType<DefinitionSource>().OrderBy(file => file.Name, StringComparer.Ordinal));
        return reading.Catalog is { } catalog
            ? new LiveDefinitions(reading.Sources, catalog, DefinitionHash.Of(reading.Definitions)) { Generation = rows[0].Generation }
            : throw new MetadataException($"this version refuses the stored definitions: {reading.Errors[0]}");
    }

    /// <summary>
    /// The generation that it has become; null when another process has committed since this one looked. It is told by the generation and not by the hash: two versions of this program, side by side during an upgrade,
    /// need not agree on hashes.
    /// </summary>
    private long? Store(IReadOnlyCollection<DefinitionSource> sources, string hash, string appliedBy, PlanVerdict verdict, string changes) => _database.Write<long?>((connection, _) =>
    {
        _database.LockDefinitions(connection);
        if (GenerationIn(connection) != _live.Generation)
        {
            return null;
        }

        connection.Execute("DELETE FROM definition_files");
        connection.ExecuteAll("INSERT INTO definition_files VALUES (@p1, @p2)", sources.Select(source => (object[])[source.Name, source.Text]));
        connection.Execute(
            "INSERT INTO definition_applies (at_micros, hash, base_hash, applied_by, verdict, changes) VALUES (@p1, @p2, @p3, @p4, @p5, @p6)",
            EventTime.From(_time.GetUtcNow()).Micros, hash, _live.Hash, appliedBy, verdict.ToString(), changes);
        connection.Execute("DELETE FROM definition_applies WHERE id <= (SELECT max(id) FROM definition_applies) - @p1", Limits.AppliesKeptMax);
        long generation = GenerationIn(connection);
        _database.TellGeneration(connection, generation);
        return generation;
    });

    /// <summary>Applies are numbered upwards, and the newest is never deleted.</summary>
    private static long GenerationIn(DbConnection connection) => connection.Scalar("SELECT max(id) FROM definition_applies");
}
