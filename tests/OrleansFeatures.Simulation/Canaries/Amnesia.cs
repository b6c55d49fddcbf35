using System.Collections;
using System.Reflection;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Simulation.Canaries;

/// <summary>A store that forgets, whenever it starts, which events it has: retries and duplicates then count twice. Reaches into the host, because nothing in production can ask for that.</summary>
internal static class Amnesia
{
    public static void Strike(EmbeddedHost host)
    {
        var intake = (EventIntake)FieldOf(host, "_intake");
        ((IDictionary)FieldOf(intake.Ids, "_streams")).Clear();
    }

    private static object FieldOf(object owner, string name) =>
        owner.GetType().GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(owner)
        ?? throw new InvalidOperationException($"{owner.GetType().Name} has no field {name} any more; the canary must follow");
}
