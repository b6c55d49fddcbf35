using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Plans as the wire says them.</summary>
internal static class RegistryMessages
{
    public static PlanResponse Of(DefinitionPlan plan)
    {
        var response = new PlanResponse { Verdict = (Compatibility)plan.Verdict, BaseHash = plan.BaseHash, Hash = plan.Hash };
        response.Changes.AddRange(plan.Changes.Select(change => new Change
        {
            Kind = (Change.Types.Kind)change.Kind,
            What = change.What,
            Detail = change.Detail,
            Verdict = (Compatibility)change.Verdict,
            Fix = change.Fix,
        }));
        response.Errors.AddRange(plan.Errors.Select(error => new DefinitionError
        {
            File = error.File,
            Line = (uint)error.Line,
            Column = (uint)error.Column,
            Message = error.Message,
            Suggestion = error.Suggestion,
        }));
        return response;
    }
}
