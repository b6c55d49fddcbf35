namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// The metadata database cannot be used: the disk, its file, or a version that this program does not know. What was asked for has not
/// happened; what was committed before is unharmed.
/// </summary>
public sealed class MetadataException : Exception
{
    public MetadataException(string message)
        : base(message)
    {
    }

    public MetadataException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Whether there was no space on the disk: then the same may succeed when some is free.</summary>
    public bool IsDiskFull { get; init; }
}
