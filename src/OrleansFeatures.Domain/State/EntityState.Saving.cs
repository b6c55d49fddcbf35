using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// An entity as it is saved: <code>[ format : 1 ][ timelines : 1 ][ timeline ] ...</code> What is loaded answers as what was saved, to the bit, now and after any further event.
/// It can be loaded only under definitions that keep the same columns of the same streams; whoever keeps saved state knows under which it was.
/// </summary>
public sealed partial class EntityState
{
    private const byte SavedFormat = 1;

    /// <summary>Writes all of it, but for parts that have not changed since they were last saved.</summary>
    public void Save(StateWriter to, SavedParts parts)
    {
        to.Byte(SavedFormat);
        to.Byte((byte)_layout.Timelines.Length);
        for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
        {
            Of(timeline).Save(to, _layout.Timelines[timeline], parts);
        }
    }

    /// <summary>Saves parts that have changed, ahead of the rest, until so many bytes are. True when none is left, and <see cref="Save"/> has little to do.</summary>
    public bool SaveParts(SavedParts parts, int bytesMax)
    {
        bool isDone = true;
        for (int timeline = 0; isDone && timeline < _layout.Timelines.Length; timeline++)
        {
            isDone = Of(timeline).SaveParts(_layout.Timelines[timeline], parts, ref bytesMax);
        }

        return isDone;
    }

    /// <summary>Whether some of it is saved as parts of their own.</summary>
    public bool HasParts
    {
        get
        {
            for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
            {
                if (Of(timeline).Directory is { BlockCount: > 1 })
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>What was saved, in memory again.</summary>
    /// <exception cref="StateFormatException">These bytes are not of this entity type under these definitions; no memory is held.</exception>
    public static EntityState Load(EntityLayout layout, ref StateReader from, LoadedParts parts)
    {
        var state = new EntityState(layout);
        bool isLoaded = false;
        try
        {
            byte format = from.Byte();
            int timelines = from.Byte();
            if (format != SavedFormat || timelines != layout.Timelines.Length)
            {
                throw new StateFormatException($"an entity of format {format} with {timelines} streams; this program reads format {SavedFormat}, and '{layout.Plan.Name}' has {layout.Timelines.Length}");
            }

            for (int timeline = 0; timeline < timelines; timeline++)
            {
                state.Of(timeline).Load(ref from, layout.Timelines[timeline], parts);
            }

            isLoaded = true;
            return state;
        }
        finally
        {
            if (!isLoaded)
            {
                state.Release();
            }
        }
    }

    /// <summary>Gives its memory back; it must not be used any more.</summary>
    public void Release()
    {
        for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
        {
            Of(timeline).Release(_layout.Timelines[timeline]);
        }
    }

    /// <summary>Parts that lie in such a place are to be saved again, elsewhere. Says whether there are any.</summary>
    public bool MoveParts(Predicate<ulong> isConcerned)
    {
        bool any = false;
        for (int timeline = 0; timeline < _layout.Timelines.Length; timeline++)
        {
            any |= Of(timeline).MoveParts(isConcerned);
        }

        return any;
    }
}
