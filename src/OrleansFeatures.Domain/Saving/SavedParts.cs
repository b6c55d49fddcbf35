using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Saving;

/// <summary>Puts a part somewhere durable to be, and says where.</summary>
public delegate ulong AddPart(ReadOnlySpan<byte> part);

/// <summary>The bytes of a part; valid until the next call.</summary>
public delegate ReadOnlySpan<byte> ReadPart(ulong place);

/// <summary>
/// The parts of large entities that are being saved. A part's new place counts from <see cref="Commit"/> on: until everything that is saved together is durable, its old one does. One thread at a
/// time, inside the gate of the entities concerned.
/// </summary>
public sealed class SavedParts(AddPart add)
{
    private readonly StateWriter _part = new();
    private readonly Dictionary<ChunkBlock, ulong> _saved = [];
    private List<ulong> _gone = [];

    /// <summary>Where parts lie that nothing names any more since <see cref="Commit"/>.</summary>
    public IReadOnlyList<ulong> TakeSuperseded()
    {
        List<ulong> superseded = _gone;
        _gone = [];
        return superseded;
    }

    /// <summary>Everything saved is durable.</summary>
    public void Commit()
    {
        foreach ((ChunkBlock block, ulong place) in _saved)
        {
            if (block.SavedAt != 0)
            {
                _gone.Add(block.SavedAt);
            }

            block.SavedAt = place;
        }

        _saved.Clear();
    }

    /// <summary>Nothing of it is: all that was saved here has to be again.</summary>
    public void Abandon()
    {
        foreach (ChunkBlock block in _saved.Keys)
        {
            block.Change();
        }

        _saved.Clear();
        _gone.Clear();
    }

    internal SavedTexts Texts { get; } = new();

    internal StateWriter Begin()
    {
        _part.Clear();
        return _part;
    }

    internal void End(ChunkBlock block)
    {
        // One that has changed since it was saved here is saved again; its first place is nobody's.
        if (_saved.Remove(block, out ulong before))
        {
            _gone.Add(before);
        }

        _saved[block] = add(_part.Written);
        block.BeginSaving();
    }

    /// <summary>Where the block lies, saved now or before.</summary>
    internal ulong PlaceOf(ChunkBlock block) => _saved.TryGetValue(block, out ulong place) ? place : block.SavedAt;

    internal void Gone(ReadOnlySpan<ulong> places) => _gone.AddRange(places);
}

/// <summary>The parts of entities that are being loaded.</summary>
public sealed class LoadedParts(ReadPart read)
{
    internal LoadedTexts Texts { get; } = new();

    internal ReadOnlySpan<byte> Read(ulong place) => read(place);
}
