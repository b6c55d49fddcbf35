namespace OrleansFeatures.Server.Files;

/// <summary>
/// One row after another from a file, as UTF-8 cells; nothing but the current row is held. A row that is broken by itself (ragged,
/// bad JSON) is delivered with <see cref="Problem"/> set and the rest of the file goes on; a file that cannot be read any
/// further ends in a <see cref="CommandFailure"/> that names the line. One caller at a time.
/// </summary>
internal abstract class RowReader : IDisposable
{
    /// <summary>The header's names, or the keys of the first line.</summary>
    public abstract IReadOnlyList<string> Columns { get; }

    /// <summary>The 1-based line of the file at which the current row starts.</summary>
    public abstract long Line { get; }

    /// <summary>Why the current row has no usable cells, or null when it has.</summary>
    public abstract string? Problem { get; }

    /// <summary>A column of the current row that is not among <see cref="Columns"/>, for callers who pass every column through; else null.</summary>
    public virtual string? UnknownColumn => null;

    /// <summary>The position of a column, or -1. A format whose rows each name their columns learns a new name here.</summary>
    public abstract int IndexOf(string column, bool learn = false);

    /// <summary>Moves to the next row; false at the end of the file.</summary>
    public abstract bool Read();

    /// <summary>Nothing is there: an empty cell, JSON's null, or an absent key.</summary>
    public abstract bool IsNull(int column);

    /// <summary>The cell's text, unquoted and unescaped. Valid until the next <see cref="Read"/>.</summary>
    public abstract ReadOnlySpan<byte> Cell(int column);

    public abstract void Dispose();
}
