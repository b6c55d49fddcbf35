using System.Collections.Concurrent;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Entities.Remote;

/// <summary>
/// Selections that other processes ask for, by the features that they name: resolved once for each list of names and kept, because resolving costs a compilation. One for each catalog. Any thread.
/// </summary>
public sealed class RemoteSelections(Catalog catalog)
{
    private readonly ConcurrentDictionary<byte[], Selection> _known = new(BytesComparer.Instance);

    public Catalog Catalog => catalog;

    /// <summary>Reads a count and as many references.</summary>
    /// <exception cref="StateFormatException">The bytes are wrong, or name a feature that the catalog does not have.</exception>
    internal Selection Resolve(ref StateReader from)
    {
        StateReader names = from;
        int before = from.Left;
        int count = from.Count(sizeof(int), min: 1);
        for (int index = 0; index < count; index++)
        {
            from.Bytes();
        }

        ReadOnlySpan<byte> list = names.Raw(before - from.Left);
        return _known.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(list, out Selection? known) ? known : Add(list);
    }

    private Selection Add(ReadOnlySpan<byte> list)
    {
        var from = new StateReader(list);
        var references = new string[from.Int32()];
        for (int index = 0; index < references.Length; index++)
        {
            references[index] = from.Text();
        }

        Selection? selection = catalog.Select(references, out string unknown);
        if (selection is null || selection.Features.Length != references.Length)
        {
            throw new StateFormatException($"'{(selection is null ? unknown : references[0])}' is asked for, which the definitions of this generation do not name as one feature");
        }

        // Every process asks for the feature services and lists that its clients use, which are few; one that makes up new lists all the time pays for resolving them.
        if (_known.Count < Limits.RemoteSelectionsMax)
        {
            _known[list.ToArray()] = selection;
        }

        return selection;
    }
}
