namespace OrleansFeatures.Silo.Grains;

/// <summary>How a grain leaves a silo that is not its partition's.</summary>
internal static class LeavingGrains
{
    /// <summary>
    /// Where the plan wants it elsewhere it migrates, which places it anew and forwards whoever calls it here: a caller that remembers this silo would else have it made again in this very silo. (What it knows stays here: there is nothing to take along.)
    /// </summary>
    public static void Leave(this Grain grain, bool isPlannedHere)
    {
        if (isPlannedHere)
        {
            grain.DeactivateOnIdle();
        }
        else
        {
            grain.MigrateOnIdle();
        }
    }
}
