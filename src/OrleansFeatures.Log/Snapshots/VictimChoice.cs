namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Which files a checkpoint writes anew. First those that are mostly garbage, the worst first; then, when there are too many files, the smallest, until half of the permitted number is left: what was put together
/// is larger and not among the smallest next time, so that a record is carried over about as often as sizes double. The bytes carried are bounded, so that a checkpoint's work is.
/// </summary>
internal static class VictimChoice
{
    public static List<StateFile> Choose(IReadOnlyList<StateFile> files, SnapshotOptions options)
    {
        var victims = new List<StateFile>();
        var sound = files.Where(file => !file.IsDamaged).Select(file => (File: file, file.Info)).ToList();
        var carried = 0L;

        foreach (var (file, info) in sound.Where(f => f.Info.GarbageBytes > f.Info.RecordBytes * options.GarbageShareMax || f.Info.Records == 0)
                     .OrderByDescending(f => (double)f.Info.GarbageBytes / Math.Max(1, f.Info.RecordBytes)).ThenBy(f => f.Info.Number))
        {
            Take(file, info, victims, ref carried, options);
        }

        if (files.Count - victims.Count < options.FilesMax)
        {
            return victims;
        }

        // A file that alone takes half of what may be carried is not small: putting such files together costs much and saves one name.
        foreach (var (file, info) in sound.Where(f => !victims.Contains(f.File) && f.Info.LiveBytes <= options.CarryBytesMax / 2).OrderBy(f => f.Info.LiveBytes).ThenBy(f => f.Info.Number))
        {
            if (files.Count - victims.Count <= options.FilesMax / 2 || !Take(file, info, victims, ref carried, options))
            {
                break;
            }
        }

        return victims;
    }

    private static bool Take(StateFile file, StateFileInfo info, List<StateFile> victims, ref long carried, SnapshotOptions options)
    {
        if (victims.Count > 0 && carried + info.LiveBytes > options.CarryBytesMax)
        {
            return false;
        }

        victims.Add(file);
        carried += info.LiveBytes;
        return true;
    }
}
