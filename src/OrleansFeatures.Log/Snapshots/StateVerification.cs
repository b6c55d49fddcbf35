using System.Collections.Immutable;
using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Reads every byte of a state directory and reports all damage instead of stopping at the first. It changes nothing and takes no ownership, so it may run beside a store that is open: files never change, and one that a
/// checkpoint has dropped meanwhile is passed over, because the manifest does not name it any more.
/// </summary>
internal sealed class StateVerification(string directory, ILogDevice device)
{
    private readonly ManifestPair _pair = new(device, directory);

    /// <param name="checkpointMin">The manifest must not be older than this checkpoint.</param>
    /// <param name="cancel">Honoured between blocks of about 1 MB.</param>
    public StateReport Run(long checkpointMin, CancellationToken cancel)
    {
        var names = device.List(directory);
        var found = _pair.Read(names);
        var newest = Newest(found);
        var reports = ImmutableArray.CreateBuilder<StateFileReport>();
        reports.AddRange(found.Select(manifest => Report(manifest, newest, checkpointMin)));
        if (newest is not null)
        {
            VerifyNamed(newest, reports, cancel);
        }
        else
        {
            foreach (var number in names.Select(StateFileNames.Number).OfType<long>().Order())
            {
                reports.Add(StateFileWalk.OfUnnamed(device, PathOf(number), cancel));
            }
        }

        return new StateReport(reports.ToImmutable());
    }

    private void VerifyNamed(StateManifest manifest, ImmutableArray<StateFileReport>.Builder reports, CancellationToken cancel)
    {
        foreach (var entry in manifest.Files.OrderBy(entry => entry.Number))
        {
            var path = PathOf(entry.Number);
            try
            {
                reports.Add(StateFileWalk.Of(device, path, entry, manifest, cancel));
            }
            catch (FileNotFoundException)
            {
                if (Newest(_pair.Read(device.List(directory)))?.Files.Any(file => file.Number == entry.Number) != false)
                {
                    reports.Add(new StateFileReport(path, 0, 0, [new StateDamage(path, -1, "the state file is missing, although the manifest names it", $"its {entry.Records} records")]));
                }
            }
        }
    }

    private static StateManifest? Newest(ManifestFound[] found) => found.Select(f => f.Manifest).OfType<StateManifest>().MaxBy(manifest => manifest.Head.Number);

    private static StateFileReport Report(ManifestFound found, StateManifest? newest, long checkpointMin)
    {
        var concerned = newest is null ? "the whole state" : $"nothing: checkpoint {newest.Head.Number} can be read from the other copy of the manifest";
        var reason = found.Damage
            ?? (found.Manifest is null ? "the file is missing"
                : found.Manifest.Head.Number < checkpointMin ? $"the manifest is of checkpoint {found.Manifest.Head.Number}, older than checkpoint {checkpointMin}, which is in use"
                : null);
        return new StateFileReport(found.Path, found.Manifest?.Encode().Length ?? 0, 0, reason is null ? [] : [new StateDamage(found.Path, found.Damage is null ? -1 : 0, reason, concerned)]);
    }

    private string PathOf(long number) => Path.Combine(directory, StateFileNames.Of(number));
}
