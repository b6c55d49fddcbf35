namespace OrleansFeatures.Log.Format;

/// <summary>
/// Where in its segment a record lies, roughly: the position of one frame in every <see cref="Limits.PositionSpacingBytes"/>, so that a single record is found by walking
/// the few frames before it. In memory only; it grows as records are written or read in order. What it does not know costs a longer walk, nothing else. Any thread.
/// <code>
///   segment   | H | G r r r r r G r r r | r r r G r r r r | r r r r
///   index           ^ (17, 568)           ^ (24, 66,104)    ^ (31, 131,640)     next sequence, byte position of a frame
/// </code>
/// </summary>
internal sealed class PositionIndex
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, List<Mark>> _segments = [];

    /// <summary>The frame at <paramref name="position"/> is, or is followed by, the record <paramref name="nextSequence"/>. Passed over if the last mark is too near, or behind.</summary>
    public void Note(long segment, long nextSequence, long position)
    {
        lock (_gate)
        {
            if (!_segments.TryGetValue(segment, out List<Mark>? marks))
            {
                _segments[segment] = marks = [];
            }

            if (marks.Count == 0 || position >= marks[^1].Position + Limits.PositionSpacingBytes)
            {
                marks.Add(new Mark(nextSequence, position));
            }
        }
    }

    /// <summary>The last mark that does not lie behind the record.</summary>
    public Mark? Before(long segment, long sequence)
    {
        lock (_gate)
        {
            if (!_segments.TryGetValue(segment, out List<Mark>? marks))
            {
                return null;
            }

            int at = marks.BinarySearch(new Mark(sequence, long.MaxValue), BySequence.Instance);
            int before = at >= 0 ? at : ~at - 1;
            return before >= 0 ? marks[before] : null;
        }
    }

    /// <summary>The segment is gone. A reader that still has it open may note it again: some bytes until the log is closed.</summary>
    public void Forget(long segment)
    {
        lock (_gate)
        {
            _segments.Remove(segment);
        }
    }

    public readonly record struct Mark(long NextSequence, long Position);

    private sealed class BySequence : IComparer<Mark>
    {
        public static readonly BySequence Instance = new();

        public int Compare(Mark x, Mark y) => x.NextSequence.CompareTo(y.NextSequence);
    }
}
