"""How do programs manage the gateway? Over HTTP, below /manage/v1: what the admin's pages and the commands do, for machines."""
