namespace OrleansFeatures.Server.Demo;

/// <summary>
/// The terminals on the screen: compromised ones, because there the risk feature moves. It rises from the eighth day, when the first frauds
/// have become known, to 1, and falls to 0 five weeks after; then the place goes to the next. Places are given
/// out some days apart, so that different stages of a fraud are seen side by side.
/// </summary>
internal sealed class WatchedTerminals(int places)
{
    /// <summary>Four weeks of fraud, known a week later, fading over the week of the window.</summary>
    private const int DaysShown = 42;

    private readonly CompromisedTerminal?[] _places = new CompromisedTerminal?[places];

    /// <summary>Lets the newest compromised terminal in, when it is its turn. Returns the terminal of each place, or null.</summary>
    public IReadOnlyList<CompromisedTerminal?> Update(CompromisedTerminal? newest)
    {
        if (newest is null || _places.Max(place => place?.Day ?? -DaysShown) + (DaysShown / places) > newest.Day)
        {
            return _places;
        }

        int free = Array.FindIndex(_places, place => place is null || newest.Day - place.Day >= DaysShown);
        if (free >= 0)
        {
            _places[free] = newest;
        }

        return _places;
    }
}
