using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>Takes damaged files out of the way by renaming them to <c>name.damaged-1</c>, <c>-2</c>, ...; it never deletes and never overwrites.</summary>
internal static class SettingAside
{
    /// <summary>All files of a state directory. The manifests go last: a crash in between leaves a directory that is refused again, and setting aside goes on.</summary>
    public static IReadOnlyList<string> All(ILogDevice device, string directory)
    {
        var names = device.List(directory);
        var renamed = names.Where(StateFileNames.IsOurs).OrderBy(name => StateFileNames.Number(name) is null).ThenBy(name => name, StringComparer.Ordinal)
            .Select(name => Rename(device, directory, name, names)).ToList();
        device.SyncDirectory(directory);
        return renamed;
    }

    /// <summary>Returns the new path.</summary>
    public static string Rename(ILogDevice device, string directory, string name, IReadOnlyList<string> names)
    {
        var number = 1;
        while (names.Contains($"{name}{StateFileNames.SetAsideMark}{number}"))
        {
            number++;
        }

        var path = Path.Combine(directory, $"{name}{StateFileNames.SetAsideMark}{number}");
        device.Rename(Path.Combine(directory, name), path);
        return path;
    }
}
