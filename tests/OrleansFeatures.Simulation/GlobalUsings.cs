global using OrleansFeatures.Domain.Definitions;
global using OrleansFeatures.Domain.Events;
