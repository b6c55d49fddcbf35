using System.Collections.Immutable;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>A directory found sound.</summary>
internal sealed record OpenedState(StateManifest Manifest, ImmutableArray<StateFile> Files, long NextFile, ImmutableArray<StateDamage> Repaired);

/// <summary>
/// Opens a directory: first the two manifests, the newer sound one counts; then every file that it names, its header, length and footer; only then is anything changed: a damaged copy of the manifest is set aside and
/// written anew from the sound one, and what no manifest names is deleted. The decision table is in docs/state-format.md.
/// </summary>
internal sealed class SnapshotOpening(SnapshotOptions options, ILogDevice device)
{
    private readonly ManifestPair _pair = new(device, options.Directory);

    public OpenedState Run()
    {
        var names = device.List(options.Directory);
        var found = _pair.Read(names);
        var manifest = Newest(found) ?? CreateFirst(found, names);
        var damage = Damage(found, manifest);
        var files = OpenFiles(manifest);
        var opened = false;
        try
        {
            Repair(found, manifest, names, damage);
            opened = true;
        }
        finally
        {
            if (!opened)
            {
                DisposeAll(files);
            }
        }

        var last = names.Select(StateFileNames.Number).Max() ?? 0;
        return new OpenedState(manifest, files, Math.Max(manifest.NextFile, last + 1), damage);
    }

    /// <summary>Null when neither manifest is there at all.</summary>
    private StateManifest? Newest(ManifestFound[] found)
    {
        foreach (var (path, manifest, _) in found)
        {
            RequireOurs(path, manifest);
        }

        var sound = found.Select(f => f.Manifest).OfType<StateManifest>().OrderByDescending(manifest => manifest.Head.Number).ToList();
        if (sound.Count == 2 && sound[0].Head.Number == sound[1].Head.Number && !sound[0].Encode().AsSpan().SequenceEqual(sound[1].Encode()))
        {
            throw new StateCorruptException(found[0].Path, 0, $"the manifest and its copy both have number {sound[0].Head.Number} and say different things", "the whole state");
        }

        if (sound.Count == 0 && found.FirstOrDefault(f => f.Damage is not null) is { Damage: { } reason } damaged)
        {
            throw new StateCorruptException(damaged.Path, 0, reason + ", and its copy is damaged or missing as well", "the whole state");
        }

        return sound.FirstOrDefault();
    }

    private void RequireOurs(string path, StateManifest? manifest)
    {
        if (manifest is null)
        {
            return;
        }

        if (manifest.StoreId != options.StoreId)
        {
            throw new LogIncompatibleException(path, $"the state belongs to store {manifest.StoreId}, the log beside it is store {options.StoreId}. Put state and log together that belong together, or move this directory away; the state is then built anew from the log.");
        }

        if (manifest.Head.Applied.Length != options.PartitionCount)
        {
            throw new LogIncompatibleException(path, $"the state has {manifest.Head.Applied.Length} partitions, SnapshotOptions.PartitionCount says {options.PartitionCount}. The number is fixed when a store is created; set the option to it.");
        }
    }

    private StateManifest CreateFirst(ManifestFound[] found, IReadOnlyList<string> names)
    {
        if (names.Any(name => StateFileNames.Number(name) is not null))
        {
            throw new StateCorruptException(found[0].Path, 0, "the manifest and its copy are missing, but there are state files", "the whole state");
        }

        var manifest = StateManifest.Empty(options.StoreId, options.PartitionCount);
        _pair.Prepare(manifest.Encode());
        _pair.Publish();
        return manifest;
    }

    /// <summary>A manifest whose copy is sound. A copy that is missing before the first checkpoint is what a crash leaves while the directory is being made.</summary>
    private static ImmutableArray<StateDamage> Damage(ManifestFound[] found, StateManifest manifest) =>
        [.. found.Where(f => f.Manifest is null && manifest.Head.Number > 0)
            .Select(f => new StateDamage(f.Path, f.Damage is null ? -1 : 0, f.Damage ?? "the file is missing", $"nothing: checkpoint {manifest.Head.Number} was read from the other copy of the manifest"))];

    private ImmutableArray<StateFile> OpenFiles(StateManifest manifest)
    {
        var files = ImmutableArray.CreateBuilder<StateFile>(manifest.Files.Length);
        try
        {
            foreach (var entry in manifest.Files.OrderBy(entry => entry.Number))
            {
                files.Add(StateFile.Open(device, options.Directory, entry, manifest));
            }

            return files.MoveToImmutable();
        }
        finally
        {
            if (files.Count is var opened && opened > 0 && opened < manifest.Files.Length)
            {
                DisposeAll(files);
            }
        }
    }

    private void Repair(ManifestFound[] found, StateManifest manifest, IReadOnlyList<string> names, ImmutableArray<StateDamage> damage)
    {
        foreach (var (path, _, _) in found.Where(f => f.Damage is not null))
        {
            SettingAside.Rename(device, options.Directory, Path.GetFileName(path), names);
        }

        if (found.Any(f => f.Manifest?.Head.Number != manifest.Head.Number) && names.Count > 0)
        {
            // Written anew, both: a sync that failed before a crash may have lost the newer one while the system still shows it.
            _pair.Prepare(manifest.Encode());
            _pair.Publish();
        }

        device.SyncDirectory(options.Directory);
        if (damage.IsEmpty)
        {
            RemoveLeftovers(manifest, names);
        }
    }

    /// <summary>What an interrupted checkpoint left, or a finished one had not yet deleted. Not while a manifest is damaged: it might have named more.</summary>
    private void RemoveLeftovers(StateManifest manifest, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            var isNew = name.EndsWith(LogFiles.NewSuffix, StringComparison.Ordinal) && StateFileNames.IsOurs(name);
            if (isNew || (StateFileNames.Number(name) is { } number && !manifest.Files.Any(file => file.Number == number)))
            {
                device.Delete(Path.Combine(options.Directory, name));
            }
        }
    }

    private static void DisposeAll(IEnumerable<StateFile> files)
    {
        foreach (var file in files)
        {
            file.Dispose();
        }
    }
}
