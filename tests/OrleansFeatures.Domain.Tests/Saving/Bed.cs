using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests;

/// <summary>Where entities of a test are saved to and loaded from: parts in a dictionary, in the order in which they came.</summary>
internal sealed class Bed
{
    private readonly StateWriter _head = new();
    private readonly SavedParts _saved;
    private readonly LoadedParts _loaded;

    public Bed()
    {
        _saved = new SavedParts(part =>
        {
            Parts.Add((ulong)Parts.Count + 1, part.ToArray());
            return (ulong)Parts.Count;
        });
        _loaded = new LoadedParts(place => Parts[place]);
    }

    public Dictionary<ulong, byte[]> Parts { get; } = [];

    public byte[] Save(EntityState state)
    {
        _head.Clear();
        state.Save(_head, _saved);
        _saved.Commit();
        return _head.Written.ToArray();
    }

    public EntityState Load(EntityLayout layout, ReadOnlySpan<byte> saved)
    {
        var reader = new StateReader(saved);
        EntityState state = EntityState.Load(layout, ref reader, _loaded);
        reader.End();
        return state;
    }

    /// <summary>Saves the entity, gives its memory back, and loads it.</summary>
    public EntityState Wake(EntityLayout layout, EntityState state)
    {
        byte[] saved = Save(state);
        state.Release();
        return Load(layout, saved);
    }
}
