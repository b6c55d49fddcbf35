using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>
/// What a checkpoint's head says in its blob:
/// <code>
///   [ format : 1 ][ complete : 1 ][ generation : 8 ]
///   [ streams : 4 ] ([ stream : 4 ][ floor : 8 ]) ...     what was missing from the history that the generation was built from; not in format 1
///   then counts and floors of intake, see IntakeHistory
/// </code>
/// A generation that is still being built may have checkpoints too, so that its entities can sleep; these are not complete, and a restart does not take them.
/// </summary>
internal static class SavedGeneration
{
    private const byte Format = 2;
    private const byte FirstFormat = 1;

    public static void Write(StateWriter blob, long generation, bool isComplete, IReadOnlyDictionary<uint, long>? floors = null)
    {
        blob.Clear();
        blob.Byte(Format);
        blob.Flag(isComplete);
        blob.Int64(generation);
        blob.Int32(floors?.Count ?? 0);
        foreach ((uint stream, long floor) in floors ?? new Dictionary<uint, long>())
        {
            blob.Int32((int)stream);
            blob.Int64(floor);
        }
    }

    /// <exception cref="StateFormatException">Another format.</exception>
    public static StateReader Read(SnapshotHead head, out long generation, out bool isComplete) => Read(head, out generation, out isComplete, out _);

    /// <exception cref="StateFormatException">Another format.</exception>
    public static StateReader Read(SnapshotHead head, out long generation, out bool isComplete, out Dictionary<uint, long> floors)
    {
        var blob = new StateReader(head.Blob.Span);
        byte format = blob.Byte();
        if (format is not (FirstFormat or Format))
        {
            throw new StateFormatException($"a checkpoint's head has format {format}; this program reads formats {FirstFormat} and {Format}");
        }

        isComplete = blob.Flag();
        generation = blob.Int64();
        floors = [];
        for (int streams = format == FirstFormat ? 0 : blob.Count(bytesEach: 12); streams > 0; streams--)
        {
            uint stream = (uint)blob.Int32();
            floors[stream] = blob.Int64();
        }

        return blob;
    }
}
