namespace OrleansFeatures.Domain.Windows;

/// <summary>In what form an entity holds events of some time.</summary>
public enum Presence
{
    /// <summary>As themselves: they can be corrected.</summary>
    Raw,

    /// <summary>In sums only: a correction cannot take them back out.</summary>
    Summed,

    /// <summary>Not at all: no live value shows them.</summary>
    Gone,
}
