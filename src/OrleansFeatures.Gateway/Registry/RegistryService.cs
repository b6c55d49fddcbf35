using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Definitions over gRPC.</summary>
public sealed class RegistryService(DefinitionRegistry registry, DefinitionChanges changes) : V1.RegistryService.RegistryServiceBase
{
    public override Task<PlanResponse> Plan(PlanRequest request, ServerCallContext context) =>
        Task.FromResult(RegistryMessages.Of(registry.Plan(SourcesOf(request.Files))));

    public override async Task<ApplyResponse> Apply(ApplyRequest request, ServerCallContext context)
    {
        if (request.BaseHash.Length > 0)
        {
            changes.RequireBase(request.BaseHash);
        }

        DefinitionPlan plan = registry.Plan(SourcesOf(request.Files));
        var response = new ApplyResponse { Plan = RegistryMessages.Of(plan) };
        if (!plan.Errors.IsEmpty)
        {
            throw Refuse.Argument("files", $"{plan.Errors.Length} errors, the first: {plan.Errors[0]}", "call Plan to see all of them");
        }

        if (plan.Verdict == PlanVerdict.Breaking && !request.AllowBreaking)
        {
            DefinitionChange breaking = plan.Changes.First(change => change.Verdict == PlanVerdict.Breaking);
            throw Refuse.State("files", $"breaking: {breaking.What}: {breaking.Detail}", $"{breaking.Fix}; or set allow_breaking");
        }

        response.RecordsReplayed = (ulong)await changes.ApplyAsync(plan, context.Peer, context.CancellationToken).ConfigureAwait(false);
        return response;
    }

    public override Task<Definition> Get(GetDefinitionRequest request, ServerCallContext context) =>
        Task.FromResult(new DefinitionListing(registry.Live).Get(request.Kind, request.Name));

    public override Task<ListDefinitionsResponse> List(ListDefinitionsRequest request, ServerCallContext context)
    {
        var response = new ListDefinitionsResponse { Hash = registry.Live.Hash };
        response.Definitions.AddRange(new DefinitionListing(registry.Live).List(request.Kind));
        return Task.FromResult(response);
    }

    private static IEnumerable<DefinitionSource> SourcesOf(IEnumerable<DefinitionFile> files) => files.Select(file => new DefinitionSource(file.Name, file.Content));
}
